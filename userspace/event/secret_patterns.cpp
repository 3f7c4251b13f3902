// SPDX-License-Identifier: Apache-2.0
// The table of secret shapes: issuers' tokens by their prefixes, and values by the name beside them. In a command's line
// arguments are separated by NUL. Where a name promises a secret, it is better to hide too much than too little, but never
// past a space or a shell separator: a made-up "secret" must not hide from the reviewer what a script does next.
#include "event/secret_patterns.hpp"

namespace holdpoint::event {
namespace {

// Space of a script, or border of an argument.
#define HP_GAP "[ \\t\\x00]"
// Where a word of a command begins.
#define HP_WORD "(?:^|[\\s\\x00\"'`;(){}|&,/?])"
// A value: quoted, or up to a space, border or shell separator.
#define HP_VALUE "(\"[^\"\\x00]+\"|'[^'\\x00]+'|[^\\s\\x00\"';|&][^\\s\\x00;|&]*)"
// The same behind an equals sign of its own: what begins with another one is a comparison.
#define HP_ASSIGNED "(\"[^\"\\x00]+\"|'[^'\\x00]+'|[^=\\s\\x00\"';|&][^\\s\\x00;|&]*)"
// The value of a flag in the next argument: all of the argument if it has no space, else as above. Not another flag.
#define HP_NEXT "(\"[^\"\\x00]+\"|'[^'\\x00]+'|[^-\\s\\x00\"';|&][^\\s\\x00;|&]*)"
#define HP_ARGUMENT "\\x00([^-\\x00][^\\x00]*)"
// What names of secrets end with.
#define HP_SECRET_WORD                                                                                    \
  "(?:password|passwd|passphrase|passwort|secret|token|credentials?|api[-_.]?key|apikey|access[-_.]?key|" \
  "secret[-_.]?key|"                                                                                      \
  "private[-_.]?key|encryption[-_.]?key|signing[-_.]?key|client[-_.]?secret|secret[-_.]?access[-_.]?key)"
#define HP_SECRET_NAME                                                            \
  "(?:[a-z0-9_.-]*(?:" HP_SECRET_WORD                                             \
  "|[_.]pass|[_.]pwd|[_.]pw|[_.]key|[_.]pat|[_.]auth|secret_key_base)|mysql_pwd|" \
  "pass|pwd|pw|pgpassword|rediscli_auth|authtoken)"
#define HP_NAME_HINTS "pass|pwd|pw|secret|token|key|credential|_pat|auth"
// Values that are no secrets though their name says so: references to variables and commands, paths of well-known
// places, calls in a program's text, switches and small numbers. The whole value must look like that.
#define HP_REFERENCE "[\"']?(?:\\$\\{?[A-Z_][A-Z0-9_]*\\}?|\\{\\{.*|\\$\\([a-z]+)[\"']?"
#define HP_PLAIN_VALUE                                                                                    \
  HP_REFERENCE                                                                                            \
  "|[\"']?(?:/(?:etc|home|root|var|usr|opt|run|tmp|srv|mnt|dev|proc)/[\\w./-]*|(?:~|\\.\\.?)/[\\w./"      \
  "-]+)[\"']?"                                                                                            \
  "|[\"']?(?i:true|false|null|none|yes|no|on|off|undefined|\\d{1,2})[\"']?,?|(?:id|src|name|type|env)=.*" \
  "|[a-z]+[._][a-z._]+\\([^()]*\\)|[a-z]+\\(\\)|os\\.environ.*|process\\.env.*"
// Names that end like a secret's and are none.
#define HP_PLAIN_NAME                                                                                      \
  "(?i)(?:public|primary|foreign|sort|partition|cache|host|hash|index|group|sub|map|row|dict)[-_.]?key|--" \
  "no-|"                                                                                                   \
  "(?:max|num|n|pad|eos|bos|next|page|total|prompt|completion)[-_.]?token"
#define HP_PASSWORD_COMMANDS                                                                          \
  "(?:sshpass|mongo(?:sh|dump|restore|export|import|stat|top)?|(?:docker|podman|buildah|skopeo|helm[" \
  "\\s\\x00]+registry|"                                                                               \
  "az|oc|oras|crane|cf|argocd)[\\s\\x00]+(?:acr[\\s\\x00]+)?login|twine|rabbitmqadmin|cqlsh|vertica|" \
  "clickhouse-client|"                                                                                \
  "jfrog|impala-shell|ipmitool)"

constexpr SecretPattern patterns[] = {
    // Cloud providers.
    {"aws-access-key-id", "akia|asia|abia|acca|a3t",
     "\\b((?:AKIA|ASIA|ABIA|ACCA|A3T[A-Z0-9])[A-Z0-9]{16})\\b"},
    {"aws-secret-access-key", "aws|secret",
     "(?i)(?:aws|secret)[a-z_.-]*(?:secret|key)[a-z_.-]*[\"']?\\s*[=:,\\x00]\\s*[\"']?([a-z0-9/"
     "+]{40})(?:[^a-z0-9/+]|$)"},
    {"aws-presigned-url", "x-amz-", "(?i)x-amz-(?:signature|security-token)=([a-z0-9%/+=_-]{16,})"},
    {"gcp-api-key", "aiza", "\\b(AIza[0-9A-Za-z_-]{35})"},
    {"gcp-oauth-token", "ya29.", "\\b(ya29\\.[0-9A-Za-z_.-]{20,})"},
    {"gcp-client-secret", "gocspx-", "\\b(GOCSPX-[0-9A-Za-z_-]{20,})"},
    {"azure-account-key", "key=", "(?i)\\b(?:account|sharedaccess|shared)key=([a-z0-9+/]{20,}={0,2})"},
    {"azure-sas", "sig=", "(?i)[?&]sig=([a-z0-9%+/=_-]{20,})"},
    {"azure-client-secret", "q~", "(?:^|[^A-Za-z0-9_~.-])([A-Za-z0-9_~.-]{3}\\dQ~[A-Za-z0-9_~.-]{31,34})"},
    {"digitalocean", "_v1_", "\\b(do[opr]_v1_[a-f0-9]{64})"},
    {"heroku", "hrku-", "\\b(HRKU-[A-Za-z0-9_-]{30,})"},
    // Code hosts and registries.
    {"github", "ghp_|gho_|ghu_|ghs_|ghr_|github_pat_",
     "\\b(gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,})"},
    {"gitlab", "gl",
     "\\b((?:gl(?:pat|dt|rt|cbt|ptt|ft|imt|agent|soat|oas|ffct)|GR1348941)-?[A-Za-z0-9_.-]{20,})"},
    {"atlassian", "atatt3", "\\b(ATATT3[A-Za-z0-9_=-]{20,})"},
    {"npm", "npm_", "\\b(npm_[A-Za-z0-9]{36,})"},
    {"npmrc", "_auth|_password", "(?i)(?:_authToken|_auth|_password)\\s*[=\\x00]\\s*" HP_VALUE,
     HP_PLAIN_VALUE, HP_PLAIN_NAME},
    {"pypi", "pypi-a", "\\b(pypi-A[A-Za-z0-9_-]{30,})"},
    {"rubygems", "rubygems_", "\\b(rubygems_[a-f0-9]{40,})"},
    {"docker", "dckr_", "\\b(dckr_(?:pat|oat)_[A-Za-z0-9_-]{20,})"},
    {"terraform-cloud", "atlasv1.", "\\b([A-Za-z0-9]{10,}\\.atlasv1\\.[A-Za-z0-9_-]{40,})"},
    // Services.
    {"slack-token", "xox|xapp-", "\\b((?:xox[abceoprsd]|xapp|xoxe\\.xox[bp])-[A-Za-z0-9-]{10,})"},
    {"slack-webhook", "hooks.slack.com",
     "hooks\\.slack\\.com/(?:services|workflows|triggers)/([A-Za-z0-9/_-]{16,})"},
    {"teams-webhook", "webhook.office.com", "webhook\\.office\\.com/webhookb2/([A-Za-z0-9@/_-]{20,})"},
    {"discord-webhook", "/api/webhooks/", "/api/webhooks/\\d+/([A-Za-z0-9_-]{20,})"},
    {"telegram", ":aa", "\\b(\\d{8,10}:AA[A-Za-z0-9_-]{30,})"},
    {"stripe", "sk_|rk_|whsec_", "\\b((?:sk|rk)_(?:live|test)_[A-Za-z0-9]{10,}|whsec_[A-Za-z0-9+/=]{20,})"},
    {"square", "sq0|eaaa", "\\b(sq0(?:atp|csp)-[A-Za-z0-9_-]{20,}|EAAA[A-Za-z0-9_-]{60})"},
    {"sendgrid", "sg.", "\\b(SG\\.[A-Za-z0-9_-]{16,}\\.[A-Za-z0-9_-]{16,})"},
    {"mailgun", "key-", "\\b(key-[0-9a-f]{32})\\b"},
    {"twilio", "sk", "\\b(SK[0-9a-f]{32})\\b"},
    {"shopify", "shp", "\\b(shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32})"},
    {"vault", "hvs.|hvb.|hvr.", "\\b(hv[sbr]\\.[A-Za-z0-9_-]{20,})"},
    {"databricks", "dapi", "\\b(dapi[0-9a-f]{32}(?:-\\d)?)\\b"},
    {"grafana", "glsa_|glc_", "\\b(gl(?:sa|c)_[A-Za-z0-9_=+/]{20,})"},
    {"sentry", "sntry", "\\b(sntry[su]_[A-Za-z0-9_=+/-]{20,})"},
    {"new-relic", "nra", "\\b(NRA[KAL]-[A-Za-z0-9]{20,})"},
    {"postman", "pmak-", "\\b(PMAK-[a-f0-9]{24}-[a-f0-9]{34})"},
    {"linear", "lin_api_", "\\b(lin_api_[A-Za-z0-9]{20,})"},
    {"notion", "ntn_", "\\b(ntn_[A-Za-z0-9]{20,})"},
    {"doppler", "dp.", "\\b(dp\\.(?:pt|st|ct|sa|scim|audit)\\.[A-Za-z0-9._-]{20,})"},
    // Model providers.
    {"openai", "sk-", "\\b(sk-(?:(?:proj|svcacct|admin|None|or-v1)-[A-Za-z0-9_-]{20,}|[A-Za-z0-9]{20,}))"},
    {"anthropic", "sk-ant-", "\\b(sk-ant-[A-Za-z0-9_-]{20,})"},
    {"hugging-face", "hf_", "\\b(hf_[A-Za-z0-9]{30,})"},
    {"groq", "gsk_", "\\b(gsk_[A-Za-z0-9]{30,})"},
    {"xai", "xai-", "\\b(xai-[A-Za-z0-9]{30,})"},
    {"replicate", "r8_", "\\b(r8_[A-Za-z0-9]{30,})"},
    {"perplexity", "pplx-", "\\b(pplx-[A-Za-z0-9]{30,})"},
    // Keys and tokens of open formats.
    {"jwt", "eyj", "\\b(eyJ[A-Za-z0-9_-]{8,}(?:\\.[A-Za-z0-9_-]*){2,4})"},
    {"private-key-block", "private",
     "(-----BEGIN[ \\x00A-Z0-9]*PRIVATE[ \\x00]KEY(?: BLOCK)?-----.*?"
     "(?:-----END[ \\x00A-Z0-9]*PRIVATE[ \\x00]KEY(?: BLOCK)?-----|\\z))"},
    {"putty-key", "private-lines", "(?i)Private-Lines:\\s*\\d+\\s+([a-z0-9+/=\\s\\\\]+)"},
    {"age-key", "age-secret-key-", "(?i)\\b(AGE-SECRET-KEY-1[0-9A-Z]{50,})"},
    {"wireguard", "key", "(?i)\\b(?:PrivateKey|PresharedKey)\\s*=\\s*([a-z0-9+/]{43}=)"},
    // Addresses with a password.
    {"url-password", "://", "[A-Za-z0-9]://[^\\s\\x00/:@\"'<>]*:([^\\s\\x00/\"'<>]+)@", HP_REFERENCE},
    {"url-query", "=",
     "(?i)[?&;](?:[a-z0-9_.-]*" HP_SECRET_WORD "|key|auth|pass|pwd|signature|code_verifier)="
     "([^&#\\s\\x00\"'<>]+)",
     HP_REFERENCE},
    {"connection-string", "=",
     "(?i);\\s*(?:password|pwd|accountkey|sharedaccesskey|sharedsecret)\\s*=\\s*(\"[^\"]*\"|'[^']*'|[^;"
     "\\x00\"'\\s]+)",
     HP_REFERENCE},
    // Flags and assignments by name.
    {"flag-next-argument", HP_NAME_HINTS, "(?i)(?:^|\\x00)--?(?:[a-z0-9]+[-_.])*" HP_SECRET_WORD HP_ARGUMENT,
     HP_PLAIN_VALUE, HP_PLAIN_NAME},
    {"flag", HP_NAME_HINTS,
     "(?i)" HP_WORD "--?(?:[a-z0-9]+[-_.])*" HP_SECRET_WORD "(?:=" HP_VALUE "|[ \\t]+" HP_NEXT ")",
     HP_PLAIN_VALUE, HP_PLAIN_NAME},
    {"flag-whole-argument", HP_NAME_HINTS,
     "(?i)(?:^|\\x00)--?(?:[a-z0-9]+[-_.])*" HP_SECRET_WORD "=([^\\x00]+)", HP_PLAIN_VALUE, HP_PLAIN_NAME},
    {"assignment", HP_NAME_HINTS, "(?i)" HP_WORD HP_SECRET_NAME "\\s?=\\s?" HP_ASSIGNED, HP_PLAIN_VALUE,
     HP_PLAIN_NAME},
    {"assignment-whole-argument", HP_NAME_HINTS,
     "(?i)(?:^|\\x00)" HP_SECRET_NAME "=([^\\s\\x00]+)(?:\\x00|$)", HP_PLAIN_VALUE, HP_PLAIN_NAME},
    {"json-member", HP_NAME_HINTS,
     "(?i)[\"'\\\\]" HP_SECRET_NAME
     "\\\\?[\"']\\s*:\\s*(\\\\?\"(?:[^\"\\\\\\x00]|\\\\.)+\"?|'[^'\\x00]+'|[^\\s\\x00\"',}\\]]+)",
     HP_PLAIN_VALUE, HP_PLAIN_NAME},
    {"yaml-value", HP_NAME_HINTS, "(?im)^\\s*(?:- )?" HP_SECRET_NAME ":[ \\t]+" HP_VALUE, HP_PLAIN_VALUE,
     HP_PLAIN_NAME},
    {"set-password-sql", "identified|password",
     "(?i)\\b(?:identified\\s+by|(?:with|set)\\s+(?:encrypted\\s+)?password|password\\s+for\\s+\\S+\\s*=)\\s*"
     "=?\\s*"
     "('[^']*'|\"[^\"]*\")"},
    // HTTP headers.
    {"authorization", "authorization",
     "(?i)\\bauthorization\\\\?[\"']?\\s*[:=]\\s*\\\\?[\"']?(?:(?:bearer|basic|token|digest|negotiate|apikey|"
     "key)\\s+)?"
     "([^\\s\\x00\"'\\\\][^\\x00\"'\\r\\n\\\\]*)",
     HP_REFERENCE},
    {"bearer", "bearer", "(?i)\\bbearer\\s+([A-Za-z0-9._~+/=-]{16,})"},
    {"secret-header", "-|key|cookie",
     "(?i)" HP_WORD
     "(?:x-[a-z0-9-]*(?:token|key|secret|auth|password)|api-?key|private-token|job-token|deploy-token|dd-"
     "api-key|(?:set-)?cookie)\\s?:\\s*([^\\s\\x00\"'][^\\x00\"'\\r\\n]*)",
     HP_REFERENCE},
    // Programs whose short flags carry passwords.
    {"mysql", "mysql|mariadb|mycli",
     "\\b(?:mysql|mariadb|mycli)[a-z-]*\\b[^\\n;|&]*?(?:\\x00-p([^\\x00]+)|[ \\t]-p" HP_VALUE ")"},
    {"curl-user", "curl|wget|http",
     "\\b(?:curl|wget|https?|xh)(?:" HP_GAP "[^\\n;|]*?)?" HP_GAP
     "(?:-u|-U|--user|--proxy-user|-a|--auth)(?:=|" HP_GAP "*)[\"']?"
     "[^\\s\\x00:\"'/-][^\\s\\x00:\"'/]*:([^\\s\\x00\"']+)",
     HP_REFERENCE},
    {"curl-short-user", "curl",
     "\\bcurl(?:" HP_GAP "[^\\n;|]*?)?" HP_GAP "-[a-zA-Z]*u" HP_GAP "*[\"']?"
     "[^\\s\\x00:\"'/-][^\\s\\x00:\"'/]*:([^\\s\\x00\"']+)",
     HP_REFERENCE},
    {"password-flag-p", "-p",
     "\\b" HP_PASSWORD_COMMANDS "\\b[^\\n;|&]*?(?:\\x00-p(?:\\x00|=)?([^\\x00]+)|[ \\t]-p[ \\t=]*" HP_VALUE
     ")",
     HP_REFERENCE},
    {"redis-cli", "redis-cli", "\\bredis-cli\\b[^\\n;|&]*?" HP_GAP "-a" HP_GAP "+" HP_VALUE, HP_REFERENCE},
    {"ldap", "ldap", "\\bldap[a-z]+\\b[^\\n;|&]*?" HP_GAP "-w" HP_GAP "*" HP_VALUE, HP_REFERENCE},
    {"sql-server", "sqlcmd|bcp|tsql", "\\b(?:sqlcmd|bcp|tsql)\\b[^\\n;|&]*?" HP_GAP "-P" HP_GAP "*" HP_VALUE,
     HP_REFERENCE},
    {"smbclient", "%",
     "\\b(?:smbclient|rpcclient|net|mount\\.cifs)\\b[^\\n;|&]*?-U" HP_GAP "*[^\\s\\x00%]+%" HP_VALUE},
    {"archive", "zip|7z|rar",
     "\\b(?:(?:un)?zip\\b[^\\n;|&]*?" HP_GAP "-P" HP_GAP "*|(?:7z[a-z]?|(?:un)?rar)\\b[^\\n;|&]*?" HP_GAP
     "-h?p)" HP_VALUE,
     HP_REFERENCE},
    {"openssl", "pass:", "-(?:pass|passin|passout|password)" HP_GAP "+[\"']?pass:([^\\s\\x00\"']+)"},
    {"htpasswd", "htpasswd",
     "\\bhtpasswd\\b" HP_GAP "(?:-[a-zA-Z]*" HP_GAP ")*?-[a-zA-Z]*b[a-zA-Z]*" HP_GAP
     "(?:[^-\\s\\x00]\\S*?" HP_GAP "){1,2}" HP_VALUE "(?:[\\s\\x00]*$)"},
    {"chpasswd", "chpasswd",
     "[\"'\\s\\x00][a-z_][a-z0-9_-]*:([^\\s\\x00\"':]+)[\"']?\\s*\\|[^\\n]*\\bchpasswd\\b"},
    {"netrc", "machine", "(?i)\\b(?:machine\\s+\\S+|default)\\s+login\\s+\\S+\\s+password\\s+(\\S+)"},
    {"unix-crypt", "$", "(\\$(?:1|2[abxy]|5|6|7|y|argon2(?:id|i|d))\\$[A-Za-z0-9./,=$+-]{20,})"},
};

}  // namespace

std::span<const SecretPattern> secret_patterns() { return patterns; }

}  // namespace holdpoint::event
