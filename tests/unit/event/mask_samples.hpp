// SPDX-License-Identifier: Apache-2.0
// Texts with a secret and texts without. Made-up values in the issuers' published forms; their prefixes are split so that
// scanners of source code do not take them for real. NUL separates arguments (written \0 here).
#pragma once

#include <string>
#include <string_view>

namespace holdpoint::event::samples {

using namespace std::string_view_literals;

struct Positive {
  std::string_view text;
  std::string_view secret;  // must be gone, all of it
};

inline constexpr Positive positive[] = {
    {"export AWS_ACCESS_KEY_ID=AK"
     "IAIOSFODNN7EXAMPLE"sv,
     "IOSFODNN7EXAMPLE"},
    {"AS"
     "IAY34FZKBOKMUTVV7A in a log"sv,
     "Y34FZKBOKMUTVV7A"},
    {"aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"sv,
     "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"},
    {"aws\0configure\0set\0aws_secret_access_key\0wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"sv,
     "wJalrXUtnFEMI/K7MDENG"},
    {"https://b.s3.amazonaws.com/o?X-Amz-Signature=fe5f80f77d5fa3beca038a248ff027d0445342fe"sv,
     "fe5f80f77d5fa3be"},
    {"key=AI"
     "zaSyDaGmWKa4JsXZ-HjGw7ISLn_3namBGewQe"sv,
     "SyDaGmWKa4JsXZ"},
    {"ya"
     "29.a0AfH6SMBxExampleTokenValue1234567890"sv,
     "a0AfH6SMBxExampleTokenValue"},
    {"client_secret: GOC"
     "SPX-1aB2cD3eF4gH5iJ6kL7mN8oP9qR0"sv,
     "1aB2cD3eF4gH5iJ6"},
    {"DefaultEndpointsProtocol=https;AccountName=a;AccountKey=Zm9vYmFyYmF6cXV4Zm9vYmFyYmF6cXV4Zm9v==;X=y"sv,
     "Zm9vYmFy"},
    {"Endpoint=sb://x.servicebus.windows.net/;SharedAccessKeyName=r;SharedAccessKey=c2VjcmV0c2VjcmV0c2VjcmV0MTI="sv,
     "c2VjcmV0c2Vj"},
    {"https://a.blob.core.windows.net/c?sv=2020&sig=Z%2FRHIX5Xcg0Mq2rqI3OlWTjEg2tYkboXr1P9ZUXDtkk%3D"sv,
     "Z%2FRHIX5Xcg0"},
    {"secret AbC8"
     "Q~aBcDeFgHiJkLmNoPqRsTuVwXyZ0123456 end"sv,
     "aBcDeFgHiJkLmNoPqRsTuVwXyZ"},
    {"doo"
     "_v1_0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"sv,
     "0123456789abcdef0123"},
    {"git\0clone\0https://gh"
     "p_16C7e42F292c6912E7710c838347Ae178B4a@github.com/o/r"sv,
     "16C7e42F292c6912E7710c838347Ae178B4a"},
    {"github"
     "_pat_11ABCDEFG0aBcDeFgHiJkL_mNoPqRsTuVwXyZ0123456789"sv,
     "11ABCDEFG0aBcDeFgHiJkL"},
    {"token gh"
     "s_1234567890abcdefghijABCDEFGHIJ123456 used"sv,
     "1234567890abcdefghij"},
    {"curl -H 'PRIVATE-TOKEN: gl"
     "pat-aBcDeFgHiJkLmNoPqRsT'"sv,
     "aBcDeFgHiJkLmNoPqRsT"},
    {"gl"
     "rt-abcdefghij1234567890"sv,
     "abcdefghij1234567890"},
    {"ATA"
     "TT3xFfGF0aBcDeFgHiJkLmNoPqRsTuVwXyZ"sv,
     "xFfGF0aBcDeFgHiJ"},
    {"//registry.example.com/:_authToken=npm"
     "_aBcDeFgHiJkLmNoPqRsTuVwXyZ0123456789"sv,
     "aBcDeFgHiJkLmNoPq"},
    {"//registry.example.com/:_authToken=6f1f5a3c-0000-4000-8000-abcdefabcdef"sv, "6f1f5a3c-0000"},
    {"twine upload -u __token__ -p pyp"
     "i-AgEIcHlwaS5vcmcCJGFiY2RlZmdoaWprbG1ub3BxcnN0dXY"sv,
     "AgEIcHlwaS5vcmcC"},
    {"rubygems"
     "_0123456789abcdef0123456789abcdef0123456789abcdef"sv,
     "0123456789abcdef0123"},
    {"dckr"
     "_pat_aBcDeFgHiJkLmNoPqRsTuVwXyZ0"sv,
     "aBcDeFgHiJkLmNoPq"},
    {"xo"
     "xb-123456789012-1234567890123-aBcDeFgHiJkLmNoPqRsTuVwX"sv,
     "123456789012-1234567890123"},
    {"xap"
     "p-1-A0123456789-1234567890123-abcdef0123456789"sv,
     "A0123456789-1234567890123"},
    {"curl https://hooks.slack.com/services/T0000"
     "0000/B00000000/XXXXXXXXXXXXXXXXXXXXXXXX"sv,
     "B00000000/XXXX"},
    {"https://discord.com/api/webhooks/123456789012345678/aBcDeFgHiJkLmNoPqRsTuVwXyZ"sv, "aBcDeFgHiJkLmNoPq"},
    {"bot 123456789:A"
     "AHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw"sv,
     "HdqTcvCH1vGWJxfSeofSAs0K5PALDsaw"},
    {"sk"
     "_live_4eC39HqLyjWDarjtT1zdp7dc"sv,
     "4eC39HqLyjWDarjtT1zdp7dc"},
    {"rk"
     "_test_4eC39HqLyjWDarjtT1zdp7dc"sv,
     "4eC39HqLyjWDarjtT1zdp7dc"},
    {"SG"
     ".ngeVfQFYQlKU0ufo8x5d1A.TwL2iGABf9DHoTf-09kqeF8tAmbihYzrnopKc-1s5cr"sv,
     "ngeVfQFYQlKU0ufo8x5d1A"},
    {"hv"
     "s.CAESIJlU02LQZq3zqVRvWkLmNoPqRsTuVw"sv,
     "CAESIJlU02LQZq3zqVRv"},
    {"dapi"
     "0123456789abcdef0123456789abcdef"sv,
     "0123456789abcdef"},
    {"glsa"
     "_aBcDeFgHiJkLmNoPqRsTuVwXyZ012345_abcdef01"sv,
     "aBcDeFgHiJkLmNoPq"},
    {"sk"
     "-proj-aBcDeFgHiJkLmNoPqRsTuVwXyZ0123456789"sv,
     "aBcDeFgHiJkLmNoPqRsTuVwXyZ"},
    {"sk"
     "-aBcDeFgHiJkLmNoPqRsTT3BlbkFJaBcDeFgHiJkLmNoPqRsT"sv,
     "aBcDeFgHiJkLmNoPqRsTT3Blbk"},
    {"sk"
     "-ant-api03-aBcDeFgHiJkLmNoPqRsTuVwXyZ_0123456789-AA"sv,
     "aBcDeFgHiJkLmNoPqRsTuVwXyZ"},
    {"hf"
     "_aBcDeFgHiJkLmNoPqRsTuVwXyZ01234567"sv,
     "aBcDeFgHiJkLmNoPqRsTuVwXyZ"},
    {"eyJ"
     "hbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U"sv,
     "dozjgNryP4J3jVmNHl0w5N"},
    {"-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA7bq0\nabc\n-----END RSA PRIVATE KEY-----"sv,
     "MIIEpAIBAAKCAQEA7bq0"},
    {"x -----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAA"sv, "b3BlbnNzaC1rZXktdjEAAAAA"},
    {"echo\0-----BEGIN\0EC\0PRIVATE\0KEY-----\0MHcCAQEEIIrYSSNQFaA2\0"sv, "MHcCAQEEIIrYSSNQFaA2"},
    {"{\"private_key\":\"-----BEGIN PRIVATE KEY-----\\nMIIEvQIBADANBgkq\\n-----END PRIVATE KEY-----\\n\"}"sv,
     "MIIEvQIBADANBgkq"},
    {"AGE-SECRET-KEY-1"
     "QQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQ"sv,
     "QQQQQQQQQQQQQQQQ"},
    {"psql postgres://app:hunter2canary@db:5432/prod"sv, "hunter2canary"},
    {"redis://:pa55canary@cache:6379/0"sv, "pa55canary"},
    {"mongodb+srv://u:p@sscanary@cluster.example.net/d"sv, "p@sscanary"},
    {"https://x.example/cb?access_token=abccanary123&state=5"sv, "abccanary123"},
    {"Server=db;Database=x;User Id=sa;Password=canary!23;Encrypt=true"sv, "canary!23"},
    {"tool\0--password\0correct horse canary\0-v"sv, "correct horse canary"},
    {"tool\0--password=correct horse canary\0-v"sv, "correct horse canary"},
    {"tool --password 'correct horse canary' -v"sv, "correct horse canary"},
    {"bash\0-c\0"
     "deploy --api-key canary123 --now"sv,
     "canary123"},
    {"tool\0--client-secret\0canary-value"sv, "canary-value"},
    {"tool\0-token\0canaryvalue"sv, "canaryvalue"},
    {"wget --http-password=canary9 https://x"sv, "canary9"},
    {"mysql\0-u\0root\0-pcanary pw\0shop"sv, "canary pw"},
    {"mysqldump -u root -pcanarypw shop"sv, "canarypw"},
    {"sshpass\0-p\0canarypw\0ssh\0host"sv, "canarypw"},
    {"docker login -u me -p canarypw registry.example.com"sv, "canarypw"},
    {"PGPASSWORD=canarypw psql -h db"sv, "canarypw"},
    {"env\0PGPASSWORD=canary;pw&x\0psql"sv, "canary;pw&x"},
    {"export GITLAB_TOKEN=canarytoken"sv, "canarytoken"},
    {"MYAPP_SECRET='canary secret' ./run"sv, "canary secret"},
    {"MYAPP_KEY=canarykey123 ./run"sv, "canarykey123"},
    {"DB_PASS=canarypw;./run"sv, "canarypw"},
    {"SECRET_KEY_BASE=canary0123456789 rails s"sv, "canary0123456789"},
    {"{\"user\":\"a\",\"password\":\"can\\\"ary\"}"sv, "ary"},
    {"database:\n  password: canarypw\n  port: 5432"sv, "canarypw"},
    {"curl\0-H\0"
     "Authorization: Bearer canarytoken0123456789\0https://x"sv,
     "canarytoken0123456789"},
    {"curl -H 'Authorization: Basic Y2FuYXJ5OnB3' https://x"sv, "Y2FuYXJ5OnB3"},
    {"curl -H 'X-Api-Key: canarykey' https://x"sv, "canarykey"},
    {"curl -H 'Cookie: session=canarysession' https://x"sv, "canarysession"},
    {"curl\0-u\0ada:canarypw\0https://x"sv, "canarypw"},
    {"curl -su ada:canarypw https://x"sv, "canarypw"},
    {"curl\0--user\0ada:canarypw\0https://x"sv, "canarypw"},
    {"redis-cli -h cache -a canarypw ping"sv, "canarypw"},
    {"ldapsearch -D cn=admin -w canarypw -b dc=x"sv, "canarypw"},
    {"sqlcmd -S db -U sa -P canarypw"sv, "canarypw"},
    {"smbclient //s/x -U ada%canarypw"sv, "canarypw"},
    {"7z x -pcanarypw a.7z"sv, "canarypw"},
    {"openssl enc -aes256 -pass pass:canarypw -in x"sv, "canarypw"},
    {"htpasswd -b .htpasswd ada canarypw"sv, "canarypw"},
    {"echo ada:canarypw | chpasswd"sv, "canarypw"},
    {"machine api.example.com login ada password canarypw"sv, "canarypw"},
    {"psql -c \"ALTER USER ada WITH PASSWORD 'canarypw'\""sv, "canarypw"},
    {"root:$6$saltsalt$kZKZKZKZKZKZKZKZKZKZKZKZKZKZKZKZKZKZKZ:19000"sv, "kZKZKZKZKZKZ"},
    {"[Interface]\nPrivateKey = yAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBmk="sv, "yAnz5TF+lXXJte14"},
};

// Shown as they are.
inline constexpr std::string_view negative[] = {
    "git push origin main"sv,
    "/home/ada/.ssh/id_ed25519"sv,
    "/etc/passwd"sv,
    "10.0.0.5:5432/tcp"sv,
    "[fd00::1]:53/udp"sv,
    "https://github.com/o/r.git"sv,
    "https://example.com:8443/path/a@b"sv,
    "ssh://git@github.com:22/o/r"sv,
    "git@github.com:o/r.git"sv,
    "user@example.com"sv,
    "psql postgres://app@db:5432/prod"sv,
    "postgres://app:$DB_PASSWORD@db/prod"sv,
    "python3 -m pytest tests/test_password.py"sv,
    "tool --password-file /run/secrets/db"sv,
    "docker login --password-stdin registry.example.com"sv,
    "psql --no-password mydb"sv,
    "mysql -p shop"sv,
    "mysql --port=3306 --protocol=tcp"sv,
    "mysql -h db -P 3306 shop"sv,
    "ssh -p 2222 host"sv,
    "mkdir -p /srv/app/data"sv,
    "cp -pr a b"sv,
    "docker run -p 8080:80 -u 1000:1000 nginx"sv,
    "chown app:app /srv"sv,
    "PWD=/home/ada HOME=/home/ada"sv,
    "KEYBOARD=us MONKEY=banana"sv,
    "TOKEN_FILE=/run/token"sv,
    "TLS_KEY=/etc/ssl/private/x.pem"sv,
    "SSH_KEY=~/.ssh/id_ed25519"sv,
    "PASSWORD=$DB_PASSWORD ./run"sv,
    "API_TOKEN=${CI_TOKEN} ./run"sv,
    "TOKEN=$(cat"sv,
    "PUBLIC_KEY=abcdef"sv,
    "CACHE_KEY=v1-linux-node20"sv,
    "primary_key=True"sv,
    "max_token=4096"sv,
    "--token-limit 4096"sv,
    "token = self.next_token()"sv,
    "secret = os.environ['X']"sv,
    "tool --secret id=npmrc,src=.npmrc"sv,
    "if (token == expected) return;"sv,
    "grep -r password src/"sv,
    "a secret: nobody knows"sv,
    "unexpected token at line 3"sv,
    "-----BEGIN CERTIFICATE-----"sv,
    "-----BEGIN PUBLIC KEY-----"sv,
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ ada@host"sv,
    "pk_live_4eC39HqLyjWDarjtT1zdp7dc"sv,
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"sv,
    "da39a3ee5e6b4b0d3255bfef95601890afd80709"sv,
    "123e4567-e89b-12d3-a456-426614174000"sv,
    "npm_config_cache=/tmp/npm"sv,
    "pypi-mirror --version"sv,
    "disk-usage-report-for-the-whole-machine"sv,
    "task-0123456789abcdefghijklmnop"sv,
    "sk-learn"sv,
    "xoxo"sv,
    "make -j8 KBUILD_OUTPUT=build"sv,
    "CC=gcc CFLAGS=-O2 ./configure"sv,
    "curl -u ada https://x"sv,
    "curl -o out.tar.gz -L https://x/y.tar.gz"sv,
    "tar -czf a.tgz -C /srv ."sv,
    "zip -r a.zip dir"sv,
    "kubectl get secret db -o name"sv,
    "kubectl -n prod logs deploy/api"sv,
    "gpg --list-secret-keys"sv,
    "terraform apply -auto-approve"sv,
    "aws s3 ls s3://bucket"sv,
    "sqlite3 data.db 'select * from users'"sv,
    "SELECT password FROM users"sv,
    "for key in a b c; do echo x; done"sv,
    "sort -k 2 -t : /etc/group"sv,
    "openssl x509 -in cert.pem -noout"sv,
    "cargo build --release --features auth"sv,
};

}  // namespace holdpoint::event::samples
