// Judges requests by IAM policies, offline. Reads from standard input
// [{"policy": {…}, "action": "…", "resource": "…", "context": {…}, "principal": "…", "serviceControlPolicies": [{…}], "resourcePolicy": {…}}, …]
// and writes one word for each: Allowed, ImplicitlyDenied, ExplicitlyDenied, or "error: …".
// The last two may be left out; where there are service control policies, AWS' own FullAWSAccess stands beside them.
import { runSimulation } from '@cloud-copilot/iam-simulate'

const FULL_ACCESS = { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: '*', Resource: '*' }] }

let text = ''
for await (const chunk of process.stdin) text += chunk
const answers = []
for (const { policy, action, resource, context, principal, serviceControlPolicies = [], resourcePolicy } of JSON.parse(text)) {
  const controls = [FULL_ACCESS, ...serviceControlPolicies].map((one, place) => ({ name: `control ${place}`, policy: one }))
  const answer = await runSimulation(
    {
      request: {
        principal,
        action,
        resource: { resource, accountId: '123456789012' },
        contextVariables: context
      },
      identityPolicies: [{ name: 'role', policy }],
      serviceControlPolicies: serviceControlPolicies.length ? [{ orgIdentifier: 'account', policies: controls }] : [],
      resourceControlPolicies: [],
      resourcePolicy
    },
    { simulationMode: 'Strict' }
  )
  answers.push(answer.resultType === 'error' ? `error: ${action} on ${resource}: ${JSON.stringify(answer.errors)}` : answer.overallResult)
}
process.stdout.write(JSON.stringify(answers))
