// Judges requests by IAM policies, offline. Reads from standard input
// [{"policy": {…}, "action": "…", "resource": "…", "context": {…}, "principal": "…"}, …]
// and writes one word for each: Allowed, ImplicitlyDenied, ExplicitlyDenied, or "error: …".
import { runSimulation } from '@cloud-copilot/iam-simulate'

let text = ''
for await (const chunk of process.stdin) text += chunk
const answers = []
for (const { policy, action, resource, context, principal } of JSON.parse(text)) {
  const answer = await runSimulation(
    {
      request: {
        principal,
        action,
        resource: { resource, accountId: '123456789012' },
        contextVariables: context
      },
      identityPolicies: [{ name: 'role', policy }],
      serviceControlPolicies: [],
      resourceControlPolicies: []
    },
    { simulationMode: 'Strict' }
  )
  answers.push(answer.resultType === 'error' ? `error: ${action} on ${resource}: ${JSON.stringify(answer.errors)}` : answer.overallResult)
}
process.stdout.write(JSON.stringify(answers))
