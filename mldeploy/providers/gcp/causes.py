"""What the engine and Google say when something fails, and what it means. The first pattern that is found counts."""

from __future__ import annotations

from mldeploy.stacks.cloud import Cause

LOGIN = "gcloud auth application-default login, or set GOOGLE_APPLICATION_CREDENTIALS to a service account's key file"

_ROLES = "ask for a role that has it: docs/gcp.md lists the least roles for deploying"
_ENABLE = "gcloud services enable {api} --project {project}   (then wait a minute and run the same command again)"
_QUOTAS = "lower resources.max_instances or memory, or ask for more: https://console.cloud.google.com/iam-admin/quotas"
_AGAIN = "run the same command again: it builds and pushes what is missing"
_NOT_READY = "mldeploy logs --cloud gcp shows its last lines; raise resources.memory_mb or clouds.gcp.start_timeout_s"
_ALLOWED = "choose what the policy allows (often another clouds.gcp.region), or ask whoever keeps the policies"
_TAKEN = "remove it, or give the model another name; the console shows whose it is"
_PERMISSION = r"(?:does not have|lacks?|missing|requires?)[^\n]{0,60}?'?(?P<permission>[a-z]+(?:\.[A-Za-z]+){2})'?"

# A row has no group that may stay empty: where Google names less, a plainer row follows.
CAUSES: tuple[Cause, ...] = (
    Cause(
        r"invalid_rapt|reauth(?:entication)? (?:related error|is needed|failed)|Reauthentication",
        "Google wants you to sign in again (your organisation limits how long a session lasts)",
        "gcloud auth application-default login, then run the same command again",
        "ProviderError",
    ),
    Cause(
        r"could not find default credentials|No credentials loaded|default credentials were not found|"
        r"Attempted to load application default credentials",
        "there are no Google Cloud credentials",
        LOGIN,
        "ProviderError",
    ),
    Cause(
        r"invalid_grant|invalid_client|token has been expired or revoked|Error 401|UNAUTHENTICATED|Invalid Credentials",
        "the Google Cloud credentials have expired or were revoked",
        LOGIN,
        "ProviderError",
    ),
    Cause(
        r"apis/(?:api|library)/(?P<api>[a-z0-9-]+\.googleapis\.com)[^\n]*?project=(?P<project>[\w:.-]+)",
        "the API {api} is not enabled in the project {project}",
        _ENABLE,
        "ProviderError",
    ),
    Cause(
        r"API \[(?P<api>[a-z0-9-]+\.googleapis\.com)\] not enabled on project \[(?P<project>[\w:.-]+)\]",
        "the API {api} is not enabled in the project {project}",
        _ENABLE,
        "ProviderError",
    ),
    Cause(
        r"SERVICE_DISABLED|has not been used in project [\w:.-]+ before|accessNotConfigured",
        "an API that is needed is not enabled",
        "gcloud services enable serviceusage.googleapis.com cloudresourcemanager.googleapis.com --project PROJECT",
        "ProviderError",
    ),
    Cause(
        r"billing (?:account )?(?:to be enabled|is disabled|not enabled|has not been enabled)|BILLING_DISABLED|"
        r"billing account for (?:this|the owning) project is (?:disabled|not found|not open|closed)",
        "the project has no working billing account",
        "gcloud billing projects link PROJECT --billing-account ACCOUNT   (gcloud billing accounts list names them)",
        "ProviderError",
    ),
    Cause(
        r"(?:do(?:es)? not belong to a permitted customer|iam\.allowedPolicyMemberDomains|"
        r"allUsers[^\n]*(?:not permitted|constraint))",
        "the organisation does not allow a service that everybody may call (policy iam.allowedPolicyMemberDomains)",
        "write access: private and list the callers in clouds.gcp.invokers, or ask for an exception for this project",
        "ProviderError",
    ),
    Cause(
        r"(?P<constraint>constraints/[\w.]+)",
        "a policy of the organisation forbids this: {constraint}",
        _ALLOWED,
        "ProviderError",
    ),
    Cause(
        r"(?:violat\w+|constraint)[^\n]*?organization polic",
        "a policy of the organisation forbids this",
        _ALLOWED,
        "ProviderError",
    ),
    Cause(
        r"Permission '(?P<permission>[\w.]+)' denied on (?:resource )?'?(?P<resource>[^\s'\"(]+)",
        "you lack the permission {permission} on {resource}",
        _ROLES,
        "ProviderError",
    ),
    Cause(
        _PERMISSION + r"[^\n]*? (?:access to|on|for)(?: the)?(?: resource)? '?(?P<resource>[a-z]+/[^\s'\"(,]+)",
        "you lack the permission {permission} on {resource}",
        _ROLES,
        "ProviderError",
    ),
    Cause(_PERMISSION, "you lack the permission {permission}", _ROLES, "ProviderError"),
    Cause(
        r"Eventarc Service Agent|eventarc[^\n]*(?:propagat|few minutes)",
        "Google is still setting Eventarc up in this project, which takes a few minutes the first time",
        "wait a few minutes and run the same command again",
    ),
    Cause(
        r"Memory limit of (?P<memory>\d+ ?\w+) exceeded",
        "the container did not become ready: it needs more than its {memory} of memory",
        _NOT_READY,
    ),
    Cause(
        r"failed to start and listen on the port|startup (?:HTTP|TCP|probe)[^\n]*(?:failed|probe)",
        "the container did not become ready: too little memory, another architecture than x86_64, or a model that loads longer "
        "than clouds.gcp.start_timeout_s",
        _NOT_READY,
    ),
    Cause(r"Image '(?P<image>[^']+)' not found", "the image is not in the registry: {image}", _AGAIN),
    Cause(r"MANIFEST_UNKNOWN|manifest unknown|Failed to fetch image", "the image is not in the registry", _AGAIN),
    Cause(
        r"Revision named '?(?P<revision>[\w-]+)'? (?:with different configuration )?already exists",
        "there is a revision {revision} with other settings, made by somebody else",
        "gcloud run revisions delete {revision}, then run the same command again",
    ),
    Cause(
        r"Quota exceeded for (?:quota metric |total allowable )?'?(?P<quota>[\w ./-]+)",
        "a quota of the project is used up: {quota}",
        _QUOTAS,
    ),
    Cause(
        r"RESOURCE_EXHAUSTED|quotaExceeded|(?:Max instances|max_instance_count)[^\n]*(?:quota|exceed)",
        "a quota of the project is used up",
        _QUOTAS,
    ),
    Cause(
        r"currency[^\n]*(?:billing account|match)",
        "the billing account is not kept in USD, which the budget is given in",
        "leave clouds.gcp.budget out and make a budget in the account's own currency",
    ),
    Cause(
        r"Service account (?P<account>\S+@\S+) does not exist",
        "Google does not know the new service account everywhere yet: {account}",
        "wait a minute and run the same command again",
    ),
    Cause(
        r"uniform bucket-level access",
        "a bucket of the trigger has no uniform bucket-level access, which a grant below one prefix needs",
        "gcloud storage buckets update gs://BUCKET --uniform-bucket-level-access",
    ),
    Cause(
        r"Error 409: (?:Resource|Requested entity|the repository|Service account)\s*'?(?P<name>[\w/.:@-]*/[\w/.:@-]+)'?"
        r"[^\n]*already exists",
        "something of that name is already there, and mldeploy did not make it: {name}",
        _TAKEN,
    ),
    Cause(
        r"Error 409[^\n]*already (?:exists|own)|ALREADY_EXISTS|bucket name is not available",
        "something of that name is already there, and mldeploy did not make it",
        _TAKEN,
    ),
    Cause(
        r"(?:Error 403|PERMISSION_DENIED|IAM_PERMISSION_DENIED|forbidden)",
        "you lack a permission",
        "docs/gcp.md lists the least roles for deploying; Google's own words below say on what",
        "ProviderError",
    ),
)
