package main

import (
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"

	"postern/keys"
)

const mtlsYAML = `
server:
  listen: "127.0.0.1:0"
  shutdown_delay: 0s
  tls: { cert_file: server.crt, key_file: server.key, client_ca_file: clients.crt ${CLIENTS} }
admin: { listen: "127.0.0.1:0" }
upstreams: { data: { url: "${DATA}" } }
authenticators:
  partner: { type: mtls, customer_id: "certificate.san.uri[0]" }
  service: { type: mtls }
  customer: { type: jwt, keys: { secrets: [{ id: s, value: ${SECRET} }] }, algorithms: [HS256], customer_id: claims.sub }
revocations: { file: revoked.yaml }
identity_headers: { X-Customer-Id: "{customer_id}", X-Level: "{level}", X-Partner: "{certificate.subject.o[0]}", X-Serial: "{certificate.serial}" }
routes:
  - { name: partner, match: /partner, upstream: data, authenticate: [partner] }
  - { name: both, match: /both, upstream: data, authenticate: [[service, customer]] }
  - { name: either, match: /either, upstream: data, authenticate: [partner, customer] }
  - { name: visitors, match: /visitors, upstream: data, authenticate: [partner, anonymous] }
  - { name: tenants, match: "/tenants/{partner}", upstream: data, authenticate: [service], consistency: [{ identity: "certificate.subject.o[0]", request: path.partner }] }
`

func newMutual(t *testing.T) (*secured, *authority) {
	s, clients := newSecured(t), newAuthority(t, "clients")
	s.values["SECRET"] = firstSecret
	s.write(t, "clients.crt", clients.pem())
	s.write(t, "revoked.yaml", "[]\n")
	return s, clients
}

// partner is a certificate of Acme's that names a customer.
func partner(c *x509.Certificate) {
	c.SerialNumber = big.NewInt(0xac3e00)
	c.Subject = pkix.Name{CommonName: "gateway", Organization: []string{"acme"}}
	c.URIs = []*url.URL{{Scheme: "spiffe", Host: "acme.test", Path: "/ann"}}
}

// got is what came of a request: the reason of its refusal, or who the backend was
// told that it is from.
func (s *secured) got(t *testing.T, client *http.Client, target string, fields ...string) string {
	t.Helper()
	response, err := client.Do(s.newRequest(t, http.MethodGet, target, "", fields...))
	if err != nil {
		return "no connection"
	}
	if answered := read(t, response); answered.status != http.StatusOK {
		return answered.header.Get("Postern-Reason")
	}
	h := s.data.next(t).header
	if strings.Contains(fmt.Sprint(h), "forged") {
		t.Errorf("reached the backend: %v", h)
	}
	return strings.TrimSpace(fmt.Sprint(h.Get("X-Level"), " ", h.Get("X-Partner"), " ", h.Get("X-Customer-Id")))
}

// A client is who the certificate says that it is, in HTTP/1.1 and HTTP/2 alike,
// beside other credentials and in their place.
func TestClientCertificates(t *testing.T) {
	s, clients := newMutual(t)
	s.start(t, mtlsYAML)
	token := shared(t, "Bearer", firstSecret)
	named := "Authorization: Bearer " + signed(t, jwt.SigningMethodHS256, "", []byte(firstSecret), jwt.MapClaims{"exp": fromNow(time.Hour), "sub": "bob"})
	acme := clients.issue(t, partner)
	for name, own := range map[string]struct {
		certificate tls.Certificate
		want        map[string]string // by target and further fields
	}{
		"good": {acme.Certificate, map[string]string{
			"/partner": "customer acme spiffe://acme.test/ann", "/visitors": "customer acme spiffe://acme.test/ann", "/either": "customer acme spiffe://acme.test/ann",
			"/both": "missing_credential", "/both " + named: "customer acme bob", "/both " + token: "missing_claim",
			"/either " + named: "malformed_request", "/tenants/acme": "application acme", "/tenants/other": "identity_mismatch",
		}},
		"none": {tls.Certificate{}, map[string]string{
			"/partner": "missing_credential", "/visitors": "anonymous", "/both " + named: "missing_credential", "/either " + named: "customer  bob",
		}},
		"without a customer": {clients.issue(t, func(c *x509.Certificate) { c.Subject.Organization = []string{"acme"} }).Certificate, map[string]string{
			"/partner": "missing_claim", "/visitors": "missing_claim", "/both " + named: "customer acme bob", "/tenants/acme": "application acme",
		}},
		"of another authority": {newAuthority(t, "clients").issue(t, partner).Certificate, map[string]string{"/visitors": "no connection"}},
		"ended": {clients.issue(t, func(c *x509.Certificate) { partner(c); c.NotAfter = time.Now().Add(-time.Minute) }).Certificate, map[string]string{
			"/visitors": "no connection",
		}},
		"not for clients": {clients.issue(t, func(c *x509.Certificate) { partner(c); c.ExtKeyUsage = c.ExtKeyUsage[:1] }).Certificate, map[string]string{
			"/visitors": "no connection",
		}},
		"its own authority": {selfSigned(t).Certificate, map[string]string{"/visitors": "no connection"}},
	} {
		for _, http2 := range []bool{false, true} {
			client := newTLSClient(t, s.ca, http2, own.certificate)
			for request, want := range own.want {
				target, field, hasField := strings.Cut(request, " ")
				fields := []string{"X-Customer-Id: forged", "X-Partner: forged", "X-Forwarded-Client-Cert: forged",
					"Client-Cert: forged", "Client-Cert-Chain: forged", "client_cert: forged"}
				if hasField {
					fields = append(fields, field)
				}
				if got := s.got(t, client, target, fields...); got != want {
					t.Errorf("%s, HTTP/2 %t, %s: %s, want %s", name, http2, target, got, want)
				}
			}
		}
	}
	s.data.expectNone(t)
	if strings.Contains(s.log.String(), "forged") {
		t.Error("what a client claims is logged")
	}
}

func selfSigned(t *testing.T) issued {
	a := newAuthority(t, "clients")
	i := issued{}
	i.Certificate = tls.Certificate{Certificate: [][]byte{a.certificate.Raw}, PrivateKey: a.key}
	return i
}

// With require there is no connection without a certificate.
func TestClientCertificatesAreRequired(t *testing.T) {
	s, clients := newMutual(t)
	s.values["CLIENTS"] = ", client_auth: require"
	s.start(t, mtlsYAML)
	for name, test := range map[string]struct {
		own  tls.Certificate
		want string
	}{
		"none": {tls.Certificate{}, "no connection"},
		"good": {clients.issue(t, partner).Certificate, "customer acme spiffe://acme.test/ann"},
	} {
		for _, http2 := range []bool{false, true} {
			if got := s.got(t, newTLSClient(t, s.ca, http2, test.own), "/visitors"); got != test.want {
				t.Errorf("%s, HTTP/2 %t: %s", name, http2, got)
			}
		}
	}
}

// The refusal says what would help, and the log says which certificate it was.
func TestCertificateIsChallengedAndLogged(t *testing.T) {
	s, clients := newMutual(t)
	s.start(t, mtlsYAML)
	response, err := newTLSClient(t, s.ca, true, tls.Certificate{}).Do(s.newRequest(t, http.MethodGet, "/either", ""))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{`Certificate realm="postern"`, `Bearer realm="postern"`}
	if got := read(t, response).header["Www-Authenticate"]; response.StatusCode != http.StatusUnauthorized || !cmp.Equal(want, got) {
		t.Errorf("%s %q", response.Status, got)
	}
	s.log.next(t, "request")
	acme := clients.issue(t, partner)
	s.got(t, newTLSClient(t, s.ca, true, acme.Certificate), "/partner")
	logged := s.log.next(t, "request")
	if logged["credential_id"] != keys.Fingerprint(acme.Leaf) || logged["authenticator"] != "partner" || logged["decision"] != "allow" {
		t.Errorf("logged %v", logged)
	}
}

// What is withdrawn ends on connections that are open, too; and another certificate
// of the same authority in the place of the old one ends nothing.
func TestCertificateIsWithdrawn(t *testing.T) {
	s, clients := newMutual(t)
	s.start(t, mtlsYAML)
	acme := clients.issue(t, partner)
	client := newTLSClient(t, s.ca, true, acme.Certificate)
	const good = "customer acme spiffe://acme.test/ann"
	expect := func(want string) {
		t.Helper()
		if got := s.got(t, client, "/partner"); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	expect(good)
	for entry, want := range map[string]string{
		"key_id: " + keys.Fingerprint(acme.Leaf): "revoked",
		"key_id: " + strings.Repeat("0", 64):     good,
		"{ customer_id: \"spiffe://acme.test/ann\", issued_before: " + time.Now().UTC().Format(time.RFC3339) + " }": "revoked",
		"{ customer_id: \"spiffe://acme.test/ann\", issued_before: 2020-01-01 }":                                    good,
	} {
		s.write(t, "revoked.yaml", "- "+entry+"\n")
		s.log.next(t, "configuration reloaded")
		expect(want)
	}
	s.write(t, "revoked.yaml", "[]\n")
	s.log.next(t, "configuration reloaded")
	expect(good)

	renewed := *clients.certificate
	renewed.SerialNumber, renewed.NotAfter = big.NewInt(2), time.Now().Add(72*time.Hour)
	again := &authority{clients.sign(t, &renewed, &clients.key.PublicKey), clients.key}
	s.write(t, "clients.crt", again.pem())
	s.log.next(t, "configuration reloaded")
	expect(good)

	s.write(t, "clients.crt", newAuthority(t, "clients").pem())
	s.log.next(t, "configuration reloaded")
	expect("unknown_key")
	client.CloseIdleConnections()
	expect("no connection")
	s.write(t, "clients.crt", again.pem()+clients.pem())
	s.log.next(t, "configuration reloaded")
	expect(good)
	if got := s.metrics("keys_loaded")[`keys_loaded{source="partner"}`]; got != 2 {
		t.Errorf("%v authorities", got)
	}
}

// curl, which has another TLS library, is served over HTTP/2 with its certificate,
// and learns without one that it needs one.
func TestCurlWithCertificate(t *testing.T) {
	needTool(t, "curl")
	s, clients := newMutual(t)
	s.start(t, mtlsYAML)
	own := clients.issue(t, partner)
	s.write(t, "ca.crt", s.ca.pem())
	s.write(t, "own.crt", own.certificate)
	s.write(t, "own.key", own.key)
	_, port, _ := net.SplitHostPort(s.address)
	curl := func(arguments ...string) string {
		arguments = append([]string{
			"--silent", "--show-error", "--http2", "--cacert", "ca.crt", "--resolve", tlsHost + ":" + port + ":127.0.0.1",
			"--output", os.DevNull, "--write-out", "%{http_version} %{http_code}", "https://" + tlsHost + ":" + port + "/partner",
		}, arguments...)
		command := exec.CommandContext(t.Context(), "curl", arguments...)
		command.Dir = s.dir
		output, err := command.CombinedOutput()
		if err != nil {
			t.Errorf("%v: %s", err, output)
		}
		return string(output)
	}
	if got := curl("--cert", "own.crt", "--key", "own.key"); got != "2 200" {
		t.Errorf("answered %s", got)
	}
	if got := curl(); got != "2 401" {
		t.Errorf("without a certificate: %s", got)
	}
}

// What is asked of clients may change while Postern runs; whether they speak TLS may
// not.
func TestClientAuthReloads(t *testing.T) {
	s := newSecured(t)
	s.start(t, tlsYAML)
	clients := newAuthority(t, "clients")
	s.write(t, "clients.crt", clients.pem())
	open := newTLSClient(t, s.ca, true, tls.Certificate{})
	visit := func(client *http.Client) string {
		t.Helper()
		response, err := client.Do(s.newRequest(t, http.MethodGet, "/public/", ""))
		if err != nil {
			return "no connection"
		}
		read(t, response)
		s.data.next(t)
		return "served"
	}
	if got := visit(open); got != "served" {
		t.Error(got)
	}
	s.values["CLIENTS"] = ", client_ca_file: clients.crt, client_auth: require"
	s.configure(tlsYAML, s.values)
	s.log.next(t, "configuration reloaded")
	if got := visit(newTLSClient(t, s.ca, true, tls.Certificate{})); got != "no connection" {
		t.Error(got)
	}
	if got := visit(newTLSClient(t, s.ca, true, clients.issue(t, partner).Certificate)); got != "served" {
		t.Error(got)
	}
	if got := visit(open); got != "served" {
		t.Errorf("the open connection: %s", got)
	}
	s.configure(strings.Replace(tlsYAML, ", tls:", "} #", 1), s.values)
	if refused := s.log.next(t, "reload refused, the running configuration stays"); refused["error"] != "server changed: this needs a restart" {
		t.Errorf("logged %v", refused)
	}
}
