package main

import (
	"bytes"
	"compress/gzip"
	"crypto/hmac"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/hex"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

//go:embed testdata/e2e/signature.yaml
var signatureYAML string

const channelSecret = "0123456789abcdef0123456789abcdef"

func macOf(text string) []byte {
	mac := hmac.New(sha256.New, []byte(channelSecret))
	mac.Write([]byte(text))
	return mac.Sum(nil)
}

func hexMAC(text string) string { return hex.EncodeToString(macOf(text)) }

func gzipped(t *testing.T, text string) string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = io.WriteString(z, text)
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// signedRow is a request, and what becomes of it: the reason of its refusal, or
// the headers that tell the backend of it.
type signedRow struct {
	name   string
	target string
	fields []string
	body   string
	reason string
	told   map[string]string
}

// toldHeaders are the identity headers of signature.yaml, and the signatures.
var toldHeaders = []string{"X-Customer-Id", "X-Auth-Level", "X-Channel", "X-Hub-Signature-256",
	"X-Viber-Content-Signature", "X-Line-Signature", "X-Slack-Signature"}

func (r *signedRow) check(t *testing.T, b *testbed, chat *spy) {
	// A reader of unknown length, so that the body comes in chunks.
	got := b.exchange(b.request(http.MethodPost, r.target, io.MultiReader(strings.NewReader(r.body)), r.fields...))
	if logged := b.log.next(t, "request"); logged["reason"] != or(r.reason, "none") {
		t.Errorf("logged %v, want %s", logged, or(r.reason, "none"))
	}
	if r.reason != "" {
		if got.header.Get("Postern-Reason") != r.reason {
			t.Errorf("answered %d: %s", got.status, got.body)
		}
		chat.expectNone(t)
		return
	}
	if got.status != http.StatusOK {
		t.Fatalf("answered %d: %s", got.status, got.body)
	}
	reached := chat.next(t)
	told := map[string]string{}
	for _, name := range toldHeaders {
		if value := reached.header.Get(name); value != "" {
			told[name] = value
		}
	}
	if diff := cmp.Diff(r.told, told); diff != "" || reached.body != r.body {
		t.Errorf("the backend received %q: %s", reached.body, diff)
	}
}

func checkSigned(t *testing.T, rows []signedRow) {
	chat := newSpy(t, nil)
	b := start(t, signatureYAML, map[string]string{"CHAT": chat.URL, "SECRET": channelSecret})
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) { r.check(t, b, chat) })
	}
}

// customer is what the backend is told of one.
func customer(id string, more ...string) map[string]string {
	told := map[string]string{"X-Customer-Id": id, "X-Auth-Level": "customer"}
	for i := 0; i < len(more); i += 2 {
		told[more[i]] = more[i+1]
	}
	return told
}

const jsonType = "Content-Type: application/json"

func TestSignedWebhooks(t *testing.T) {
	const (
		meta  = `{"entry":[{"messaging":[{"sender":{"id":"4711"},"message":{"text":"Gr\u00fc\u00df dich, \u00e4"}}]}]}`
		two   = `{"entry":[{"messaging":[{"sender":{"id":"4711"}},{"sender":{"id":"4712"}}]}]}`
		viber = `{"event":"message","sender":{"id":"01234567890A="}}`
		line  = `{"destination":"U1","events":[]}`
	)
	hub := func(signed string) []string {
		return []string{jsonType, "X-Hub-Signature-256: sha256=" + hexMAC(signed)}
	}
	ofViber := func(signed string, more ...string) []string {
		return append(more, jsonType, "X-Viber-Content-Signature: "+hexMAC(signed))
	}
	ofLINE := func(signed string) []string {
		return []string{jsonType, "x-line-signature: " + base64.StdEncoding.EncodeToString(macOf(signed))}
	}
	messenger := customer("4711", "X-Channel", "messenger")
	forwarded := func(signed string) map[string]string {
		return customer("01234567890A=", "X-Viber-Content-Signature", hexMAC(signed))
	}
	compressed := gzipped(t, viber)
	application := map[string]string{"X-Auth-Level": "application"}
	checkSigned(t, []signedRow{
		{name: "Meta", target: "/meta", fields: hub(meta), body: meta, told: messenger},
		{name: "Meta, re-serialised", target: "/meta", fields: hub(meta), body: strings.ReplaceAll(meta, `\u00e4`, "ä"), reason: "bad_signature"},
		{name: "Meta, changed", target: "/meta", fields: hub(meta), body: strings.Replace(meta, "4711", "4712", 1), reason: "bad_signature"},
		{name: "Meta, without its body", target: "/meta", fields: hub(meta), reason: "bad_signature"},
		{name: "Meta, unsigned", target: "/meta", fields: []string{jsonType}, body: meta, reason: "missing_credential"},
		{name: "Meta, without prefix", target: "/meta", fields: []string{jsonType, "X-Hub-Signature-256: " + hexMAC(meta)}, body: meta, reason: "malformed_credential"},
		{name: "Meta, signed twice", target: "/meta", fields: append(hub(meta), hub(meta)[1]), body: meta, reason: "malformed_request"},
		{name: "Meta, of two customers", target: "/meta", fields: hub(two), body: two, reason: "malformed_credential"},
		{name: "Meta, of nobody", target: "/meta", fields: hub(""), reason: "malformed_credential"},
		{name: "Meta, too large", target: "/meta", fields: hub(meta), body: meta + strings.Repeat(" ", 1<<10), reason: "body_too_large"},
		{name: "Meta, no JSON", target: "/meta", fields: hub("a=b"), body: "a=b", reason: "malformed_body"},
		{name: "Meta, another name", target: "/meta", fields: []string{jsonType, "X_Hub_Signature_256: sha256=" + hexMAC(meta)}, body: meta, reason: "malformed_request"},
		{name: "Viber", target: "/viber", fields: ofViber(viber), body: viber, told: forwarded(viber)},
		{name: "Viber, compressed", target: "/viber", fields: ofViber(compressed, "Content-Encoding: gzip"), body: compressed, told: forwarded(compressed)},
		{name: "Viber, signed before it was compressed", target: "/viber", fields: ofViber(viber, "Content-Encoding: gzip"), body: compressed, reason: "bad_signature"},
		{name: "LINE", target: "/line", fields: ofLINE(line), body: line, told: application},
		{name: "LINE, empty", target: "/line", fields: ofLINE(""), told: application},
		{name: "LINE, changed", target: "/line", fields: ofLINE(line), body: line + " ", reason: "bad_signature"},
	})
}

func TestSignedWithATime(t *testing.T) {
	const body = "user_id=U2CERLKJA&command=%2Fwebhook-collect&text=caf%C3%A9+au+lait"
	stamp := func(ago time.Duration) string { return strconv.FormatInt(fromNow(-ago), 10) }
	slack := func(stamp, signed string) []string {
		return []string{"Content-Type: application/x-www-form-urlencoded", "X-Slack-Request-Timestamp: " + stamp,
			"X-Slack-Signature: v0=" + hexMAC("v0:"+stamp+":"+signed)}
	}
	now, old := stamp(0), stamp(6*time.Minute)
	restamped := slack(old, body)
	restamped[1] = "X-Slack-Request-Timestamp: " + now
	alias := slack(now, body)
	alias[1] = "X_Slack_Request_Timestamp: " + now
	checkSigned(t, []signedRow{
		{name: "now", target: "/slack", fields: slack(now, body), body: body, told: customer("U2CERLKJA")},
		{name: "replayed", target: "/slack", fields: slack(old, body), body: body, reason: "token_too_old"},
		{name: "replayed with another time", target: "/slack", fields: restamped, body: body, reason: "bad_signature"},
		{name: "ahead", target: "/slack", fields: slack(stamp(-6*time.Minute), body), body: body, reason: "issued_in_future"},
		{name: "in milliseconds", target: "/slack", fields: slack(now+"000", body), body: body, reason: "issued_in_future"},
		{name: "of no time", target: "/slack", fields: slack("now", body), body: body, reason: "malformed_credential"},
		{name: "two times", target: "/slack", fields: append(slack(now, body), "X-Slack-Request-Timestamp: "+now), body: body, reason: "malformed_credential"},
		{name: "another name for the time", target: "/slack", fields: alias, body: body, reason: "malformed_request"},
		{name: "changed", target: "/slack", fields: slack(now, body), body: strings.Replace(body, "U2", "U3", 1), reason: "bad_signature"},
		{name: "of two customers", target: "/slack", fields: slack(now, body+"&user_id=U3"), body: body + "&user_id=U3", reason: "malformed_credential"},
		{name: "another name for the customer", target: "/slack", fields: slack(now, body+"&User_Id=U3"), body: body + "&User_Id=U3", reason: "malformed_request"},
		{name: "as JSON", target: "/slack", fields: append(slack(now, body)[1:], jsonType), body: body, reason: "malformed_body"},
	})
}

func TestUserHash(t *testing.T) {
	ping := func(userID, hash string) string {
		return `{"email":"ann@example.com","user_id":` + userID + `,"user_hash":` + hash + `}`
	}
	quoted := func(text string) string { return `"` + text + `"` }
	ann := ping(`"ann"`, quoted(hexMAC("ann")))
	anonymous := map[string]string{"X-Auth-Level": "anonymous"}
	rows := []signedRow{
		{name: "ann", body: ann, told: customer("ann")},
		{name: "escaped", body: ping(`"\u0061nn"`, quoted(hexMAC("ann"))), told: customer("ann")},
		{name: "number", body: ping("42", quoted(hexMAC("42"))), told: customer("42")},
		{name: "number in another spelling", body: ping("4.2e1", quoted(hexMAC("4.2e1"))), reason: "malformed_credential"},
		{name: "of somebody else", body: ping(`"bob"`, quoted(hexMAC("ann"))), reason: "bad_signature"},
		{name: "of nobody", body: ping(`""`, quoted(hexMAC(""))), reason: "malformed_credential"},
		{name: "of null", body: ping("null", quoted(hexMAC(""))), reason: "malformed_credential"},
		{name: "of an object", body: ping(`{"id":"ann"}`, quoted(hexMAC("ann"))), reason: "malformed_credential"},
		{name: "of a list", body: ping(`["ann"]`, quoted(hexMAC("ann"))), reason: "malformed_credential"},
		{name: "in base64", body: ping(`"ann"`, quoted(base64.StdEncoding.EncodeToString(macOf("ann")))), reason: "malformed_credential"},
		{name: "a number for the hash", body: ping(`"ann"`, "1"), reason: "malformed_credential"},
		{name: "an empty hash", body: ping(`"ann"`, `""`), reason: "malformed_credential"},
		{name: "two customers", body: strings.Replace(ann, "{", `{"user_id":"bob",`, 1), reason: "malformed_body"},
		{name: "two spellings", body: strings.Replace(ann, "{", `{"User_ID":"bob",`, 1), reason: "malformed_body"},
		{name: "no hash", body: `{"user_id":"ann"}`, told: anonymous},
		{name: "null for the hash", body: ping(`"ann"`, "null"), told: anonymous},
		{name: "somebody else in the query", target: "/ping?user_id=bob", body: ann, reason: "identity_mismatch"},
	}
	for i := range rows {
		rows[i].target, rows[i].fields = or(rows[i].target, "/ping"), []string{jsonType}
	}
	checkSigned(t, rows)
}

// While a channel changes its secret, both are good, and the metric says which is
// used; one that a reload has removed is not.
func TestSecretsOfAChannel(t *testing.T) {
	chat := newSpy(t, nil)
	values := map[string]string{"CHAT": chat.URL, "SECRET": channelSecret}
	b := start(t, signatureYAML, values)
	send := func(secret string, want int) {
		t.Helper()
		mac := hmac.New(sha256.New, []byte(secret))
		mac.Write([]byte("{}"))
		signature := base64.StdEncoding.EncodeToString(mac.Sum(nil))
		if got := b.exchange(b.request(http.MethodPost, "/line", strings.NewReader("{}"), "X-Line-Signature: "+signature)); got.status != want {
			t.Errorf("answered %d, want %d: %s", got.status, want, got.body)
		}
	}
	const before = "the secret of LINE before this one"
	send(before, http.StatusOK)
	send(channelSecret, http.StatusOK)
	want := map[string]float64{
		`secret_used_total{authenticator="line",id="2025"}`: 1,
		`secret_used_total{authenticator="line",id="2026"}`: 1,
	}
	if diff := cmp.Diff(want, b.metrics("secret_used_total")); diff != "" {
		t.Errorf("secrets in use: %s", diff)
	}

	values["SECRET"] = "fedcba9876543210fedcba9876543210"
	b.configure(signatureYAML, values)
	if got := b.operate(b.admin, http.MethodPost, "/-/reload"); got.status != http.StatusOK {
		t.Fatalf("reload: %+v", got)
	}
	send(channelSecret, http.StatusUnauthorized)
	send(values["SECRET"], http.StatusOK)
	send(before, http.StatusOK)
}
