package config_test

// Files that the example names in comments.
const (
	exampleTokens  = "- { id: mobile, value: a-token, attributes: { project: acme } }\n"
	exampleSecrets = `- { id: "1", value: a-secret-of-thirty-two-bytes-or-more }` + "\n"
	exampleRevoked = "- { jti: t-1 }\n- { customer_id: ann, issued_before: 2026-01-01 }\n"
	exampleRing    = `acme: [{ id: "1", value: a-secret-of-thirty-two-bytes-or-more }]` + "\n"
)

// The public half of a key that signs nothing.
const (
	examplePEM = `-----BEGIN PUBLIC KEY-----
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAq/8mXzNtM5pn/oe11rH7
2i0Mi3QFKYb27Su/x+o9pdKVJ/0LDQfilERgJoYSj4IhDmbCwy5PuNeZkCchZiNG
DxgcaVdP01UVgYU1JU8TcS0gnKaLipJjOeusjbSLbKlVZRE6sBbqWSW0NBwyNGXm
5CFuCyPF010VVFG2dbVMJzKDCXRlAT+0cZ+Fp4zg/IiOI7F/9QZ15YFQPgw8/bOY
sE0L6yt8KKV02pKDnhKFmFeft9v5eCkpQxTxogTj5FyQaL/pMgxnbyJvo3ECT10U
tXvNhL/f4b5srlrtlaCQAdCLiah1ebdNKMomDuqoIvBLCenTh4DlO7bOpey9iebb
SQIDAQAB
-----END PUBLIC KEY-----
`
	exampleJWKS = `{"keys":[{"kty":"RSA","use":"sig","kid":"kid-1","e":"AQAB","n":"q_8mXzNtM5pn_oe11rH72i0Mi3QFKYb27Su_x-o9pdKVJ_0LDQfilERgJoYSj4IhDmbCwy5PuNeZkCchZiNGDxgcaVdP01UVgYU1JU8TcS0gnKaLipJjOeusjbSLbKlVZRE6sBbqWSW0NBwyNGXm5CFuCyPF010VVFG2dbVMJzKDCXRlAT-0cZ-Fp4zg_IiOI7F_9QZ15YFQPgw8_bOYsE0L6yt8KKV02pKDnhKFmFeft9v5eCkpQxTxogTj5FyQaL_pMgxnbyJvo3ECT10UtXvNhL_f4b5srlrtlaCQAdCLiah1ebdNKMomDuqoIvBLCenTh4DlO7bOpey9iebbSQ"}]}`
)

// A certificate that nobody trusts, and its key.
const (
	exampleCertificate = `-----BEGIN CERTIFICATE-----
MIIBizCCATGgAwIBAgIUDnCwYccf54/4L/z7csh0+T5khNowCgYIKoZIzj0EAwIw
GjEYMBYGA1UEAwwPcG9zdGVybi1leGFtcGxlMCAXDTI2MTEyMjAzMDIzMloYDzIx
MjYxMDI5MDMwMjMyWjAaMRgwFgYDVQQDDA9wb3N0ZXJuLWV4YW1wbGUwWTATBgcq
hkjOPQIBBggqhkjOPQMBBwNCAAStFRrQxLbF7Hs/xV2kOEvyumpbArZ8+zMMmd23
YOMuBBls/Uv6TZjriar1igCedG+LzJNepN3cv08+JKpOPcIbo1MwUTAdBgNVHQ4E
FgQULXG8V1+qDEpR6Ea/KoR8sdkYNeAwHwYDVR0jBBgwFoAULXG8V1+qDEpR6Ea/
KoR8sdkYNeAwDwYDVR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgNIADBFAiBNykJK
sp5Pndh8SKoBk3MxogTmih9Bcfb31l/OwtibCAIhAPDvkoBWNpuxni4a/9RPzqC4
FrMX2OT3SgTZI3byG+sI
-----END CERTIFICATE-----
`
	exampleKey = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgedFxDn1DhFwQ8uk6
+PuD7kFui/5ullDJdRu9GiYkVj+hRANCAAStFRrQxLbF7Hs/xV2kOEvyumpbArZ8
+zMMmd23YOMuBBls/Uv6TZjriar1igCedG+LzJNepN3cv08+JKpOPcIb
-----END PRIVATE KEY-----
`
)
