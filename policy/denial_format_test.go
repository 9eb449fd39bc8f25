package policy_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"postern/policy"
)

// The formats of systems that clients of Postern know.
var (
	exponea = policy.DenialSettings{ContentType: "application/json", Body: `{"success":false,"error":"{title}","token_expired":{token_expired}}`}
	asapp   = policy.DenialSettings{
		ContentType: "application/json",
		Body:        `{"error":{"requestId":"{request_id}","code":"{code}","message":"{title}"}}`,
		Codes:       map[string]string{"bad_signature": "401-01", "token_expired": "401-01", "identity_mismatch": "403-01"},
	}
	braze = policy.DenialSettings{
		ContentType: "application/json; charset=utf-8",
		Body:        `{"message":"{detail}","auth_error":{"error_code":{code},"reason":"{reason}"}}`,
		Status:      map[string]int{"identity_mismatch": 401},
		Codes:       map[string]string{"token_expired": "22", "identity_mismatch": "28"},
	}
	tiledesk     = policy.DenialSettings{ContentType: "application/json", Body: `{"success":false,"msg":"{title}"}`}
	unauthorized = policy.DenialSettings{ContentType: "text/plain; charset=utf-8", Body: "Unauthorized"}
)

func TestDenialFormat(t *testing.T) {
	everything := func(contentType string) policy.DenialSettings {
		return policy.DenialSettings{ContentType: contentType, Body: "{reason}|{detail}|{title}|{status}|{request_id}|{token_expired}|{code}"}
	}
	type rendered struct {
		contentType string
		status      int
		body        string
	}
	for _, test := range []struct {
		settings *policy.DenialSettings // nil for problem details
		reason   policy.Reason
		detail   string
		want     rendered
	}{
		{&exponea, policy.TokenExpired, "", rendered{"application/json", 401, `{"success":false,"error":"The token has expired.","token_expired":true}`}},
		{&exponea, policy.KeysUnavailable, "", rendered{"application/json", 503, `{"success":false,"error":"Tokens cannot be verified at the moment.","token_expired":false}`}},
		{&asapp, policy.BadSignature, "", rendered{"application/json", 401, `{"error":{"requestId":"id","code":"401-01","message":"The signature of the token does not verify."}}`}},
		{&asapp, policy.NoRoute, "", rendered{"application/json", 404, `{"error":{"requestId":"id","code":"404","message":"No route serves this path."}}`}},
		{&braze, policy.IdentityMismatch, "body.user_id differs from customer_id", rendered{"application/json; charset=utf-8", 401,
			`{"message":"body.user_id differs from customer_id","auth_error":{"error_code":28,"reason":"identity_mismatch"}}`}},
		{&braze, policy.MissingClaim, `say "sub"`, rendered{"application/json; charset=utf-8", 401,
			`{"message":"say \"sub\"","auth_error":{"error_code":401,"reason":"missing_claim"}}`}},
		{&tiledesk, policy.InsufficientLevel, "", rendered{"application/json", 403, `{"success":false,"msg":"The credential is of a lower level than this route needs."}`}},
		{&unauthorized, policy.TokenExpired, "", rendered{"text/plain; charset=utf-8", 401, "Unauthorized"}},
		{new(everything("text/plain")), policy.TokenExpired, `<"é">`, rendered{"text/plain", 401, `token_expired|<"é">|The token has expired.|401|id|true|401`}},
		{new(everything("text/html; charset=utf-8")), policy.Revoked, `<"&'>`, rendered{"text/html; charset=utf-8", 401,
			"revoked|&lt;&#34;&amp;&#39;&gt;|The credential has been revoked.|401|id|false|401"}},
		{new(everything("application/problem+xml")), policy.Revoked, `<`, rendered{"application/problem+xml", 401, "revoked|&lt;|The credential has been revoked.|401|id|false|401"}},
		{&policy.DenialSettings{ContentType: "text/plain", Body: "{ {} {{status}} { status } {\"status\"} {a b} {1} status}"}, policy.NoRoute, "",
			rendered{"text/plain", 404, "{ {} {404} { status } {\"status\"} {a b} {1} status}"}},
		{nil, policy.TokenExpired, "", rendered{"application/problem+json", 401,
			`{"type":"urn:postern:reason:token_expired","title":"The token has expired.","status":401,"detail":"The token has expired.",` +
				`"reason":"token_expired","request_id":"id","token_expired":true}` + "\n"}},
	} {
		var format *policy.DenialFormat
		if test.settings != nil {
			var problems policy.Problems
			test.settings.Check(nil, &problems)
			if problems.List != nil {
				t.Errorf("%s: %v", test.settings.Body, problems.List)
				continue
			}
			format = policy.NewDenialFormat(test.settings)
		}
		denial := &policy.Denial{Reason: test.reason, Detail: test.detail, Err: errors.New("private")}
		got := rendered{format.ContentType(), format.Status(test.reason), string(format.Body(denial, "id"))}
		if diff := cmp.Diff(test.want, got, cmp.AllowUnexported(rendered{})); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}

// TestDenialsSayWhatWasMeant renders every reason with text that tries to leave
// its string: what a client decodes is that text and no member more, and
// nothing private.
func TestDenialsSayWhatWasMeant(t *testing.T) {
	settings := &policy.DenialSettings{
		ContentType: "application/vnd.backend+json",
		Body: `{"reason":"{reason}","detail":"{detail}","title":"{title}","status":{status},"text":"{status} {token_expired}",` +
			`"request_id":"<{request_id}>","token_expired":{token_expired},"code":"{code}"}`,
		Codes: map[string]string{"bad_signature": `"},{`},
	}
	format := policy.NewDenialFormat(settings)
	for _, reason := range policy.Reasons() {
		for _, hostile := range []string{`"`, `\`, `","reason":"x`, "{title}{code}", "\n\r\t\x00\x1f\x7f", "\u2028</script>", `\u0022`, "é\U0001F600"} {
			denial := &policy.Denial{Reason: reason, Detail: hostile, Err: errors.New("private cause")}
			code := fmt.Sprint(reason.Status())
			if reason == policy.BadSignature {
				code = `"},{`
			}
			want := map[string]any{
				"reason": reason.String(), "detail": hostile, "title": reason.Title(), "status": float64(reason.Status()),
				"text": fmt.Sprintf("%d %t", reason.Status(), reason == policy.TokenExpired), "request_id": "<" + hostile + ">",
				"token_expired": reason == policy.TokenExpired, "code": code,
			}
			var got map[string]any
			if err := json.Unmarshal(format.Body(denial, hostile), &got); err != nil {
				t.Fatalf("%v %q: %v", reason, hostile, err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%v %q (-want +got):\n%s", reason, hostile, diff)
			}
			for _, other := range []*policy.DenialSettings{&exponea, &asapp, &braze, &tiledesk, nil} {
				var f *policy.DenialFormat
				if other != nil {
					f = policy.NewDenialFormat(other)
				}
				if body := f.Body(denial, hostile); !json.Valid(body) || strings.Contains(string(body), "private") {
					t.Errorf("%v %q: %s", reason, hostile, body)
				}
			}
		}
	}
}

// FuzzDenialFormat: a body that Check lets through is JSON whatever happens.
func FuzzDenialFormat(f *testing.F) {
	for _, s := range []policy.DenialSettings{exponea, asapp, braze, tiledesk} {
		f.Add(s.Body, "401-01", `"\`, "id")
	}
	f.Add(`{"a":"\u00{status}","{detail}":[{code},{token_expired}]}`, "1", "", "")
	f.Add(`["\{detail}"]`, "", "n", "")
	f.Add(`["\u{request_id}"]`, "", "", "0041")
	f.Add(`{request_id}`, "", "", "1")
	f.Fuzz(func(t *testing.T, body, code, detail, id string) {
		s := &policy.DenialSettings{ContentType: "application/json", Body: body, Codes: map[string]string{"bad_signature": code}}
		var problems policy.Problems
		s.Check(nil, &problems)
		if problems.List != nil {
			return
		}
		format := policy.NewDenialFormat(s)
		for _, reason := range policy.Reasons() {
			if got := format.Body(&policy.Denial{Reason: reason, Detail: detail}, id); !json.Valid(got) {
				t.Errorf("%v: %q", reason, got)
			}
		}
	})
}
