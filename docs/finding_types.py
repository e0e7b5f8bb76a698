"""What may be signalled: GuardDuty's active finding types, AWS Health's codes, and the rest.

Names and default severities as AWS documents them, from "GuardDuty active finding types"
(https://docs.aws.amazon.com/guardduty/latest/ug/guardduty_finding-types-active.html) and the page of each family, as
of September 2026. What a type is about is said in our own words. A star behind a severity means that AWS varies it by
the circumstances of the finding; "Varies" that there is no default.

A new type is one line here, under its family: type, severity, what it is about. An indented line goes on.

May touch: nothing.
Never: says how a signal is answered; the playbooks do.
"""

from __future__ import annotations

from dataclasses import dataclass

#: The page that lists all of them, and when it was read.
SOURCE = "https://docs.aws.amazon.com/guardduty/latest/ug/guardduty_finding-types-active.html"
AS_OF = "September 2026"

#: GuardDuty's words for severity: word → (from, below) on its scale of 0 to 10.
SEVERITIES = {"Low": (1.0, 4.0), "Medium": (4.0, 7.0), "High": (7.0, 9.0), "Critical": (9.0, 10.1)}

_PAGES = "https://docs.aws.amazon.com/guardduty/latest/ug/"


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingType:
    """One finding type: its name, AWS' word for its default severity, and what it is about."""

    name: str
    severity: str
    about: str

    @property
    def span(self) -> tuple[float, float]:
        """Give the severities that findings of this type have: from, below."""
        return SEVERITIES.get(self.severity, (SEVERITIES["Low"][0], SEVERITIES["Critical"][0]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """Finding types that belong together: a title, a sentence on them, AWS' page, and the types."""

    title: str
    note: str
    page: str
    types: tuple[FindingType, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherSignal:
    """A signal that is no GuardDuty finding: where it comes from, its type, and what it says."""

    source: str
    type: str
    about: str


def _family(title: str, page: str, note: str, rows: str) -> Family:
    """Read rows of "type | severity | about"; an indented line belongs to the row above it."""
    types = []
    for row in rows.strip().replace("\n    ", " ").splitlines():
        name, severity, about = (cell.strip() for cell in row.split(" | "))
        types.append(FindingType(name=name, severity=severity, about=about))
    return Family(title=title, note=note, page=_PAGES + page, types=tuple(types))


FAMILIES: tuple[Family, ...] = (
    _family(
        "Credentials",
        "guardduty_finding-types-iam.html",
        "They name an access key, a user, a role's session or root. The last three come from AI Protection.",
        """
CredentialAccess:IAMUser/AnomalousBehavior | Medium | unusual calls that collect secrets and passwords
CredentialAccess:IAMUser/CompromisedCredentials | High | a key that Amazon's threat intelligence reports as compromised
DefenseEvasion:IAMUser/AnomalousBehavior | Medium | unusual calls that switch off logs, alarms or trails
DefenseEvasion:IAMUser/BedrockLoggingDisabled | Medium | Bedrock's invocation logging was switched off
Discovery:IAMUser/AnomalousBehavior | Low | unusual calls that list what there is
Exfiltration:IAMUser/AnomalousBehavior | High | unusual calls that copy data out (replication, snapshots)
Impact:IAMUser/AnomalousBehavior | High | unusual calls that change or destroy
InitialAccess:IAMUser/AnomalousBehavior | Medium | unusual calls that get tokens or sessions
PenTest:IAMUser/KaliLinux | Medium | calls from a host with Kali Linux
PenTest:IAMUser/ParrotLinux | Medium | calls from a host with Parrot Linux
PenTest:IAMUser/PentooLinux | Medium | calls from a host with Pentoo Linux
Persistence:IAMUser/AnomalousBehavior | Medium | unusual calls that make keys, key pairs or other ways back in
Policy:IAMUser/RootCredentialUsage | Low | the root user made calls
Policy:IAMUser/ShortTermRootCredentialUsage | Low | a short-term root session (AssumeRoot) made calls
PrivilegeEscalation:IAMUser/AnomalousBehavior | Medium | unusual calls that add permissions
Recon:IAMUser/MaliciousIPCaller | Medium | listing calls from a known bad address
Recon:IAMUser/MaliciousIPCaller.Custom | Medium | listing calls from an address on your own threat list
Recon:IAMUser/TorIPCaller | Medium | listing calls through Tor
Stealth:IAMUser/CloudTrailLoggingDisabled | Low | a trail was switched off, or its bucket deleted
Stealth:IAMUser/PasswordPolicyChange | Low* | the account's password policy was weakened
UnauthorizedAccess:IAMUser/ConsoleLoginSuccess.B | Medium | one user signed in to the console from places far apart
UnauthorizedAccess:IAMUser/InstanceCredentialExfiltration.InsideAWS | High* |
    an instance's credentials used from another AWS account (Medium: from one of yours)
UnauthorizedAccess:IAMUser/InstanceCredentialExfiltration.OutsideAWS | High |
    an instance's credentials used from outside AWS
UnauthorizedAccess:IAMUser/MaliciousIPCaller | Medium | changing calls from a known bad address
UnauthorizedAccess:IAMUser/MaliciousIPCaller.Custom | Medium | changing calls from an address on your own threat list
UnauthorizedAccess:IAMUser/ResourceCredentialExfiltration.InsideAWS | High* |
    an ECS task's credentials used from another AWS account (Medium: from one of yours)
UnauthorizedAccess:IAMUser/ResourceCredentialExfiltration.OutsideAWS | High |
    a function's or ECS task's credentials used from outside AWS
UnauthorizedAccess:IAMUser/TorIPCaller | Medium | changing calls through Tor
Impact:IAMUser/AnomalousModelInvocation | Low | unusual calls of an AI model
Impact:IAMUser/CostHarvesting | Low | unusually many tokens sent to or drawn from an AI model
Impact:IAMUser/PromptInjection.Direct | Low | a Bedrock guardrail saw a prompt injection
""",
    ),
    _family(
        "Attack sequences",
        "guardduty-attack-sequence-finding-types.html",
        "Several signals that make one attack. Every principal that the sequence names is answered for.",
        """
AttackSequence:IAM/CompromisedCredentials | Critical | one credential in a row of steps of an attack
AttackSequence:S3/CompromisedData | Critical | data in S3 taken or destroyed with stolen credentials
AttackSequence:EC2/CompromisedInstanceGroup | Critical | a group of instances (one role, image or Auto Scaling group)
AttackSequence:ECS/CompromisedCluster | Critical | tasks of an ECS cluster
AttackSequence:EKS/CompromisedCluster | Critical | pods and nodes of an EKS cluster
""",
    ),
    _family(
        "Instances",
        "guardduty_finding-types-ec2.html",
        (
            "From flow logs and DNS logs of EC2 instances. Which side the instance was on (GuardDuty's resource role) "
            "decides only where the table says so."
        ),
        """
Backdoor:EC2/C&CActivity.B | High | talks to a command-and-control server
Backdoor:EC2/C&CActivity.B!DNS | High | asks for the name of a command-and-control server
Backdoor:EC2/DenialOfService.Dns | High | floods others over DNS
Backdoor:EC2/DenialOfService.Tcp | High | floods others over TCP
Backdoor:EC2/DenialOfService.Udp | High | floods others over UDP
Backdoor:EC2/DenialOfService.UdpOnTcpPorts | High | floods others over UDP on ports of TCP
Backdoor:EC2/DenialOfService.UnusualProtocol | High | floods others over an unusual protocol
Backdoor:EC2/Spambot | Medium | sends on port 25 as never before
Behavior:EC2/NetworkPortUnusual | Medium* | a remote port as never before (High on 389 and 1389: log4j)
Behavior:EC2/TrafficVolumeUnusual | Medium | more traffic to one host than ever before
CryptoCurrency:EC2/BitcoinTool.B | High | talks to an address of a cryptocurrency network
CryptoCurrency:EC2/BitcoinTool.B!DNS | High | asks for a name of a cryptocurrency network
DefenseEvasion:EC2/UnusualDNSResolver | Medium | uses a public DNS resolver as never before
DefenseEvasion:EC2/UnusualDoHActivity | Medium | DNS over HTTPS as never before
DefenseEvasion:EC2/UnusualDoTActivity | Medium | DNS over TLS as never before
Impact:EC2/AbusedDomainRequest.Reputation | Medium | asks for a name under a domain that is often abused
Impact:EC2/BitcoinDomainRequest.Reputation | High | asks for a name of doubtful reputation about cryptocurrency
Impact:EC2/MaliciousDomainRequest.Custom | Medium | asks for a name on your own threat list
Impact:EC2/MaliciousDomainRequest.Reputation | High | asks for a name that is known to be malicious
Impact:EC2/PortSweep | High | probes one port on many addresses
Impact:EC2/SuspiciousDomainRequest.Reputation | Low | asks for a new or rarely used name
Impact:EC2/WinRMBruteForce | Low* | password guessing over WinRM (High: it is the instance that guesses)
Recon:EC2/PortProbeEMRUnprotectedPort | High | known scanners probe an open port of EMR
Recon:EC2/PortProbeUnprotectedPort | Low* | known scanners probe an open port (High: Elasticsearch)
Recon:EC2/Portscan | Medium | scans the ports of another host
Trojan:EC2/BlackholeTraffic | Medium | talks to an address that is known to be a black hole
Trojan:EC2/BlackholeTraffic!DNS | Medium | asks for a name that leads to a black hole
Trojan:EC2/DGADomainRequest.B | High | asks for names that look generated by malware
Trojan:EC2/DGADomainRequest.C!DNS | High | asks for names that malware is known to generate
Trojan:EC2/DNSDataExfiltration | High | sends data out inside of DNS queries
Trojan:EC2/DriveBySourceTraffic!DNS | High | asks for a name that serves drive-by downloads
Trojan:EC2/DropPoint | Medium | talks to a host where malware leaves stolen data
Trojan:EC2/DropPoint!DNS | Medium | asks for the name of a host where malware leaves stolen data
Trojan:EC2/PhishingDomainRequest!DNS | High | asks for a name used in phishing
UnauthorizedAccess:EC2/MaliciousIPCaller.Custom | Medium | talks to an address on your own threat list
UnauthorizedAccess:EC2/MetadataDNSRebind | High |
    a name leads to the metadata service: somebody is after the role's credentials
UnauthorizedAccess:EC2/RDPBruteForce | Low* | password guessing over RDP (High: it is the instance that guesses)
UnauthorizedAccess:EC2/SSHBruteForce | Low* | password guessing over SSH (High: it is the instance that guesses)
UnauthorizedAccess:EC2/TorClient | High | uses Tor
UnauthorizedAccess:EC2/TorRelay | High | serves as a relay of Tor
""",
    ),
    _family(
        "Runtime",
        "findings-runtime-monitoring.html",
        (
            "From the agent on an instance or beside a container. The resource is an instance, an EKS cluster, an ECS "
            "cluster or a container."
        ),
        """
Backdoor:Runtime/C&CActivity.B | High | talks to a command-and-control server
Backdoor:Runtime/C&CActivity.B!DNS | High | asks for the name of a command-and-control server
CryptoCurrency:Runtime/BitcoinTool.B | High | talks to an address of a cryptocurrency network
CryptoCurrency:Runtime/BitcoinTool.B!DNS | High | asks for a name of a cryptocurrency network
DefenseEvasion:Runtime/FilelessExecution | Medium | runs code from memory
DefenseEvasion:Runtime/KernelModuleLoaded | High | loaded a kernel module
DefenseEvasion:Runtime/ProcessInjection.Proc | High | wrote into another process through /proc
DefenseEvasion:Runtime/ProcessInjection.Ptrace | Medium | wrote into another process with ptrace
DefenseEvasion:Runtime/ProcessInjection.VirtualMemoryWrite | High | wrote into another process' memory
DefenseEvasion:Runtime/PtraceAntiDebugging | Low | hides from debuggers
DefenseEvasion:Runtime/SensitiveFileModified | Medium | changed a file of the system to hide
DefenseEvasion:Runtime/SuspiciousCommand | High | a command that hides or switches off defences
Discovery:Runtime/SuspiciousCommand | Low | a command that looks around
Execution:Runtime/MaliciousFileExecuted | High | ran a file that is known to be malware
Execution:Runtime/MaliciousFileExecuted.Custom | High | ran a file on your own threat list
Execution:Runtime/NewBinaryExecuted | Medium | ran a program made in a running container
Execution:Runtime/NewLibraryLoaded | Medium | loaded a library made in a running container
Execution:Runtime/ReverseShell | High | a shell that an attacker drives from outside
Execution:Runtime/SuspiciousCommand | Varies | a command that attackers use
Execution:Runtime/SuspiciousShellCreated | Low | a network service started a shell
Execution:Runtime/SuspiciousTool | Varies | a tool that attackers use
Impact:Runtime/AbusedDomainRequest.Reputation | Medium | asks for a name under a domain that is often abused
Impact:Runtime/BitcoinDomainRequest.Reputation | High | asks for a name of doubtful reputation about cryptocurrency
Impact:Runtime/CryptoMinerExecuted | High | runs a miner
Impact:Runtime/MaliciousDomainRequest.Reputation | Medium | asks for a name that is known to be malicious
Impact:Runtime/SuspiciousDomainRequest.Reputation | Low | asks for a new or rarely used name
Persistence:Runtime/SensitiveFileModified | Medium | changed a file of the system to come back
Persistence:Runtime/SuspiciousCommand | Medium | a command that makes a way back in
PrivilegeEscalation:Runtime/CGroupsReleaseAgentModified | High | changed cgroups' release_agent to leave a container
PrivilegeEscalation:Runtime/ContainerMountsHostDirectory | Medium | a container mounted a directory of its host
PrivilegeEscalation:Runtime/DockerSocketAccessed | Medium | a process talks to Docker's socket
PrivilegeEscalation:Runtime/ElevationToRoot | Medium | a process became root
PrivilegeEscalation:Runtime/RuncContainerEscape | High | tried to overwrite runc to leave a container
PrivilegeEscalation:Runtime/SensitiveFileModified | Medium | changed a file of the system to gain permissions
PrivilegeEscalation:Runtime/SuspiciousCommand | Medium | a command that gains permissions
PrivilegeEscalation:Runtime/UserfaultfdUsage | Medium | userfaultfd calls, as in exploits of the kernel
Trojan:Runtime/BlackholeTraffic | Medium | talks to an address that is known to be a black hole
Trojan:Runtime/BlackholeTraffic!DNS | Medium | asks for a name that leads to a black hole
Trojan:Runtime/DGADomainRequest.C!DNS | High | asks for names that malware is known to generate
Trojan:Runtime/DriveBySourceTraffic!DNS | High | asks for a name that serves drive-by downloads
Trojan:Runtime/DropPoint | Medium | talks to a host where malware leaves stolen data
Trojan:Runtime/DropPoint!DNS | Medium | asks for the name of a host where malware leaves stolen data
Trojan:Runtime/PhishingDomainRequest!DNS | High | asks for a name used in phishing
UnauthorizedAccess:Runtime/MetadataDNSRebind | High |
    a name leads to the metadata service: somebody is after the role's credentials
UnauthorizedAccess:Runtime/TorClient | High | uses Tor
UnauthorizedAccess:Runtime/TorRelay | High | serves as a relay of Tor
""",
    ),
    _family(
        "Kubernetes",
        "guardduty-finding-types-eks-audit-logs.html",
        (
            "From the audit log of EKS clusters. Where the caller came as an IAM user or role, the finding names the "
            "credential."
        ),
        """
CredentialAccess:Kubernetes/AnomalousBehavior.SecretsAccessed | Medium | secrets read in an unusual way
CredentialAccess:Kubernetes/MaliciousIPCaller | High | calls for secrets from a known bad address
CredentialAccess:Kubernetes/MaliciousIPCaller.Custom | High |
    calls for secrets from an address on your own threat list
CredentialAccess:Kubernetes/SuccessfulAnonymousAccess | High | an anonymous caller read secrets
CredentialAccess:Kubernetes/TorIPCaller | High | calls for secrets through Tor
DefenseEvasion:Kubernetes/MaliciousIPCaller | High | calls that hide traces, from a known bad address
DefenseEvasion:Kubernetes/MaliciousIPCaller.Custom | High |
    calls that hide traces, from an address on your own threat list
DefenseEvasion:Kubernetes/SuccessfulAnonymousAccess | High | an anonymous caller hid traces
DefenseEvasion:Kubernetes/TorIPCaller | High | calls that hide traces, through Tor
Discovery:Kubernetes/AnomalousBehavior.PermissionChecked | Low | permissions checked in an unusual way
Discovery:Kubernetes/MaliciousIPCaller | Medium | listing calls from a known bad address
Discovery:Kubernetes/MaliciousIPCaller.Custom | Medium | listing calls from an address on your own threat list
Discovery:Kubernetes/SuccessfulAnonymousAccess | Medium | an anonymous caller listed resources
Discovery:Kubernetes/TorIPCaller | Medium | listing calls through Tor
Execution:Kubernetes/AnomalousBehavior.ExecInPod | Medium | an unusual command run in a pod
Execution:Kubernetes/AnomalousBehavior.WorkloadDeployed | Low | an unusual workload deployed
Execution:Kubernetes/ExecInKubeSystemPod | Medium | a command run in a pod of kube-system
Impact:Kubernetes/MaliciousIPCaller | High | calls that destroy or disturb, from a known bad address
Impact:Kubernetes/MaliciousIPCaller.Custom | High |
    calls that destroy or disturb, from an address on your own threat list
Impact:Kubernetes/SuccessfulAnonymousAccess | High | an anonymous caller destroyed or disturbed
Impact:Kubernetes/TorIPCaller | High | calls that destroy or disturb, through Tor
Persistence:Kubernetes/AnomalousBehavior.WorkloadDeployed!ContainerWithSensitiveMount | High |
    an unusual workload that mounts a sensitive path of the node
Persistence:Kubernetes/MaliciousIPCaller | Medium | calls that make a way back in, from a known bad address
Persistence:Kubernetes/MaliciousIPCaller.Custom | Medium |
    calls that make a way back in, from an address on your own threat list
Persistence:Kubernetes/SuccessfulAnonymousAccess | High | an anonymous caller made a way back in
Persistence:Kubernetes/TorIPCaller | Medium | calls that make a way back in, through Tor
Policy:Kubernetes/AdminAccessToDefaultServiceAccount | High | the default service account was made administrator
Policy:Kubernetes/AnonymousAccessGranted | High | anonymous callers were given a role
Policy:Kubernetes/ExposedDashboard | Medium | the dashboard is on the internet
Policy:Kubernetes/KubeflowDashboardExposed | Medium | Kubeflow's dashboard is on the internet
PrivilegeEscalation:Kubernetes/AnomalousBehavior.RoleBindingCreated | Medium* |
    an unusual binding to a role (High: to an administrator's)
PrivilegeEscalation:Kubernetes/AnomalousBehavior.RoleCreated | Low | an unusual role made
PrivilegeEscalation:Kubernetes/AnomalousBehavior.WorkloadDeployed!PrivilegedContainer | High |
    an unusual workload with a privileged container
""",
    ),
    _family(
        "S3",
        "guardduty_finding-types-s3.html",
        "They name the bucket and the credential of the caller, unless the caller was anonymous.",
        """
Discovery:S3/AnomalousBehavior | Low | objects listed in an unusual way
Discovery:S3/MaliciousIPCaller | High | objects listed from a known bad address
Discovery:S3/MaliciousIPCaller.Custom | High | objects listed from an address on your own threat list
Discovery:S3/TorIPCaller | Medium | objects listed through Tor
Exfiltration:S3/AnomalousBehavior | High | objects read in an unusual way
Exfiltration:S3/MaliciousIPCaller | High | objects read from a known bad address
Impact:S3/AnomalousBehavior.Delete | High | objects deleted in an unusual way
Impact:S3/AnomalousBehavior.Permission | High | a bucket's policy or access list changed in an unusual way
Impact:S3/AnomalousBehavior.Write | Medium | objects written in an unusual way
Impact:S3/MaliciousIPCaller | High | objects changed from a known bad address
PenTest:S3/KaliLinux | Medium | calls from a host with Kali Linux
PenTest:S3/ParrotLinux | Medium | calls from a host with Parrot Linux
PenTest:S3/PentooLinux | Medium | calls from a host with Pentoo Linux
Policy:S3/AccountBlockPublicAccessDisabled | Low | Block Public Access was switched off for the account
Policy:S3/BucketAnonymousAccessGranted | High | a bucket was opened to everybody
Policy:S3/BucketBlockPublicAccessDisabled | Low | Block Public Access was switched off for a bucket
Policy:S3/BucketPublicAccessGranted | High | a bucket was opened to every AWS user
Stealth:S3/ServerAccessLoggingDisabled | Low | a bucket's access logs were switched off
UnauthorizedAccess:S3/MaliciousIPCaller.Custom | High | calls from an address on your own threat list
UnauthorizedAccess:S3/TorIPCaller | High | calls through Tor
""",
    ),
    _family(
        "RDS",
        "findings-rds-protection.html",
        "Sign-ins to databases. The credential is the database's own, not one of IAM.",
        """
CredentialAccess:RDS/AnomalousBehavior.FailedLogin | Low | unusual failed sign-ins
CredentialAccess:RDS/AnomalousBehavior.SuccessfulBruteForce | High | a sign-in after many that failed
CredentialAccess:RDS/AnomalousBehavior.SuccessfulLogin | Varies | an unusual sign-in
CredentialAccess:RDS/MaliciousIPCaller.FailedLogin | Medium | a failed sign-in from a known bad address
CredentialAccess:RDS/MaliciousIPCaller.SuccessfulLogin | High | a sign-in from a known bad address
CredentialAccess:RDS/TorIPCaller.FailedLogin | Medium | a failed sign-in through Tor
CredentialAccess:RDS/TorIPCaller.SuccessfulLogin | High | a sign-in through Tor
Discovery:RDS/MaliciousIPCaller | Medium | a known bad address probes the database
Discovery:RDS/TorIPCaller | Medium | somebody probes the database through Tor
""",
    ),
    _family(
        "Lambda",
        "lambda-protection-finding-types.html",
        "From the network activity of functions.",
        """
Backdoor:Lambda/C&CActivity.B | High | talks to a command-and-control server
CryptoCurrency:Lambda/BitcoinTool.B | High | talks to an address of a cryptocurrency network
Trojan:Lambda/BlackholeTraffic | Medium | talks to an address that is known to be a black hole
Trojan:Lambda/DropPoint | Medium | talks to a host where malware leaves stolen data
UnauthorizedAccess:Lambda/MaliciousIPCaller.Custom | Medium | talks to an address on your own threat list
UnauthorizedAccess:Lambda/TorClient | High | uses Tor
UnauthorizedAccess:Lambda/TorRelay | High | serves as a relay of Tor
""",
    ),
    _family(
        "Malware",
        "findings-malware-protection.html",
        "From scans of volumes, S3 objects and backups. Mostly the severity is that of what was found.",
        """
Execution:Container/MaliciousFile | Varies | malware in a container on an instance
Execution:Container/SuspiciousFile | Varies | a suspicious file in a container on an instance
Execution:EC2/MaliciousFile | Varies | malware on an instance
Execution:EC2/MaliciousFile!AMI | Varies | malware in a machine image
Execution:EC2/MaliciousFile!RecoveryPoint | Varies | malware in a recovery point of an instance or volume
Execution:EC2/MaliciousFile!Snapshot | Varies | malware in a snapshot
Execution:EC2/SuspiciousFile | Varies | a suspicious file on an instance
Execution:ECS/MaliciousFile | Varies | malware in a container of ECS
Execution:ECS/SuspiciousFile | Varies | a suspicious file in a container of ECS
Execution:Kubernetes/MaliciousFile | Varies | malware in a container of EKS
Execution:Kubernetes/SuspiciousFile | Varies | a suspicious file in a container of EKS
Execution:S3/MaliciousFile!RecoveryPoint | Varies | malware in a recovery point of a bucket
Object:S3/MaliciousFile | High | malware in an object that was uploaded
""",
    ),
    _family(
        "Custom rules",
        "findings-custom-detection-rules.html",
        (
            "Custom Detection Rules, which an account has to switch on one by one; each type has one rule or several. "
            "AWS does not say which resource type these findings carry; where their actor cannot be read, they are "
            "announced."
        ),
        """
CredentialAccess:EC2/UnsecuredCredentials | Medium | an instance's Windows password was retrieved
CredentialAccess:RDS/ModifyAuthenticationProcess | High | a database's master password was reset
DefenseImpairment:EC2/DisableOrModifyTools | Varies |
    flow logs deleted (High), termination protection switched on (Low)
DefenseImpairment:Organizations/DisableOrModifyTools | High | a type of organisation policy was switched off
DefenseImpairment:Organizations/ModifyCloudResourceHierarchy | High | an attempt to leave the organisation
DefenseImpairment:RDS/ModifyAuthenticationProcess | Medium | IAM authentication of a database was switched off
DefenseImpairment:Route53Resolver/DisableOrModifyTools | Medium | logging of DNS queries was deleted
DefenseImpairment:S3/DisableOrModifyTools | High | encryption with customer-provided keys (SSE-C) was allowed
Execution:SageMaker/CommandAndScriptingInterpreter | Medium | a notebook's lifecycle script was changed
Exfiltration:EC2/TransferDataToCloudAccount | High | an image or a snapshot was shared outside
Exfiltration:RDS/TransferDataToCloudAccount | High | a database snapshot was made public
Exfiltration:S3/TransferDataToCloudAccount | High | a bucket's policy lets another account in
Impact:S3/DataDestruction | Medium | a lifecycle rule that deletes objects very soon
Impact:SES/ResourceHijacking | Varies | SES: sending (Low) or production access (Medium) switched on
InitialAccess:IAM/ValidAccounts | Medium | a console sign-in without MFA
InitialAccess:RDS/ExploitPublicFacingApplication | High | a database was made public
LateralMovement:EC2/RemoteServices | Medium | an SSH key was pushed to an instance
Persistence:EC2/BootOrLogonInitializationScripts | High | an instance's user data was changed
Persistence:EC2/ExternalRemoteServices | Medium | SSH was opened to the internet
Persistence:IAM/AccountManipulation | Varies |
    a login profile made (High) or changed, a trust policy changed (Medium), a key made (Low)
Persistence:Lambda/AccountManipulation | High | a function was opened to everybody
Persistence:Lambda/ModifyAuthenticationProcess | High | a function's URL was opened to everybody
Persistence:RolesAnywhere/AccountManipulation | Medium | a trust anchor of Roles Anywhere was made
PrivilegeEscalation:IAM/AccountManipulation | Varies |
    administrator's policy attached (High), full access to SES, a Bedrock credential (Medium)
ResourceDevelopment:SES/CompromiseAccounts | Medium | SES: a domain was verified
""",
    ),
)

TYPES: tuple[FindingType, ...] = tuple(found for family in FAMILIES for found in family.types)

OTHERS: tuple[OtherSignal, ...] = (
    OtherSignal(source="aws.health", type="AWS_RISK_CREDENTIALS_EXPOSED", about="a key is public"),
    OtherSignal(source="aws.health", type="AWS_RISK_CREDENTIALS_COMPROMISED", about="a credential is compromised"),
    OtherSignal(source="aws.health", type="AWS_RISK_IAM_QUARANTINE", about="AWS quarantined a user"),
    OtherSignal(source="aws.health", type="AWS_RISK_CREDENTIALS_EXPOSURE_SUSPECTED", about="a key may be public"),
    OtherSignal(
        source="aws.health", type="AWS_RISK_CREDENTIALS_COMPROMISE_SUSPECTED", about="a credential may be compromised"
    ),
    OtherSignal(
        source="aws.health", type="AWS_RISK_ACCOUNT_CONSOLE_COMPROMISE", about="somebody else signed in to the console"
    ),
    OtherSignal(source="aws.health", type="AWS_RISK_…", about="any other code of the family"),
    OtherSignal(source="aws.health", type="AWS_ABUSE_…", about="a report that resources of yours attack others"),
    OtherSignal(source="aws.trustedadvisor", type="Exposed Access Keys/Exposed", about="a key is public"),
    OtherSignal(
        source="aws.trustedadvisor",
        type="Exposed Access Keys/Potentially Compromised",
        about="a key is public and may have been used",
    ),
    OtherSignal(
        source="aws.trustedadvisor",
        type="Exposed Access Keys/Suspected",
        about="irregular use of EC2; the key was not found in public",
    ),
    OtherSignal(source="aws.trustedadvisor", type="Exposed Access Keys/…", about="any other fraud type"),
    OtherSignal(
        source="aws.iam",
        type="AWSCompromisedKeyQuarantine…",
        about="CloudTrail's record of AWS' quarantine; where it could be forged, only if the policy is attached now",
    ),
    OtherSignal(source="manual", type="request", about="a person's request, unless it names another mode"),
    OtherSignal(source="any other", type="…", about="an event of a source that is not read"),
)
