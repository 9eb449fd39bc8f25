package keys_test

import (
	"crypto"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"postern/keys"
	"postern/policy"
)

// certify returns a certificate in PEM, self-signed.
func certify(key crypto.Signer, notBefore, notAfter time.Time, usage x509.KeyUsage) string {
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: notBefore, NotAfter: notAfter, KeyUsage: usage}
	return pemBlock("CERTIFICATE", must(x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)))
}

func certificateMap(byKid map[string]any) string { return string(must(json.Marshal(byKid))) }

var (
	validFrom  = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	validUntil = time.Date(2026, 12, 31, 23, 59, 59, 0, time.UTC)
)

func TestParseCertificates(t *testing.T) {
	good := certify(p256(), validFrom, validUntil, x509.KeyUsageDigitalSignature)
	got, err := keys.ParseCertificates([]byte(certificateMap(map[string]any{
		"a-good":        good,
		"b-rsa":         certify(rsa2048(), validFrom, validUntil, 0),
		"c-weak":        certify(rsa1024(), validFrom, validUntil, 0),
		"d-encrypts":    certify(rsa2048(), validFrom, validUntil, x509.KeyUsageKeyEncipherment),
		"e-curve":       certify(newEC(elliptic.P224()), validFrom, validUntil, 0),
		"f-number":      1,
		"g-null":        nil,
		"h-chain":       good + good,
		"i-public-key":  pemBlock("PUBLIC KEY", must(x509.MarshalPKIXPublicKey(p256().Public()))),
		"j-private-key": pemBlock("EC PRIVATE KEY", must(x509.MarshalECPrivateKey(p256()))),
		"k-garbage":     pemBlock("CERTIFICATE", []byte("garbage")),
		"l-text":        "garbage",
		"m-good":        good,
	})))
	if err != nil {
		t.Fatal(err)
	}
	type bounds struct {
		ID                  string
		NotBefore, NotAfter time.Time
	}
	var list []bounds
	for _, k := range got.Keys {
		list = append(list, bounds{k.ID, k.NotBefore, k.NotAfter})
	}
	end := validUntil.Add(1)
	if diff := cmp.Diff([]bounds{{"a-good", validFrom, end}, {"b-rsa", validFrom, end}, {ID: "i-public-key"}, {"m-good", validFrom, end}}, list); diff != "" {
		t.Errorf("keys (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{
		"keys[2]: an RSA key of 1024 bits is weak: 2048 is the least",
		"keys[3]: its key usage is not digitalSignature",
		"keys[4]: an EC key must be a point on P-256, P-384 or P-521",
		"keys[5]: not a string",
		"keys[6]: not a single PEM block",
		"keys[7]: more than one PEM block: give each key a file of its own",
		"keys[9]: a private key: only the public one belongs here",
		"keys[10]: not readable as a certificate",
	}, got.Reasons); diff != "" || got.Ignored != 9 {
		t.Errorf("%d ignored, reasons (-want +got):\n%s", got.Ignored, diff)
	}
	for document, want := range map[string]string{
		`{}`:                "a set without keys",
		``:                  "not JSON: unexpected EOF at byte 0",
		`[]`:                "not a JSON object of certificates",
		`{"a":"b","a":"c"}`: "not JSON: duplicate object member name at byte 9",
		`{"a":"b"}`:         "no usable key: keys[0]: not a single PEM block",
		`{"keys":[]}`:       "no usable key: keys[0]: not a string",
	} {
		if _, err := keys.ParseCertificates([]byte(document)); err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", document, err, want)
		}
	}
}

// The key of a certificate is current while the certificate is valid, and takes
// none of the four tries otherwise.
func TestCertificateValidity(t *testing.T) {
	settings := remoteSettings
	settings.Form = keys.Certificates
	synctest.Test(t, func(t *testing.T) {
		start := time.Now() // of the bubble
		key := func(from, until time.Duration) string {
			return certify(newEC(elliptic.P256()), start.Add(from), start.Add(until), 0)
		}
		r := newRig(t, settings, &provider{document: certificateMap(map[string]any{
			"a": key(-time.Hour, -time.Second), "b": key(-time.Hour, -time.Second), "c": key(-time.Hour, -time.Second), "d": key(-time.Hour, -time.Second),
			"soon": key(time.Minute, 2*time.Minute), "now": key(-time.Hour, time.Minute),
		})})
		r.start()
		defer r.Stop()
		candidates := func(kid string, at time.Duration) []string {
			list, err := r.Candidates("", kid, "ES256", start.Add(at))
			if err != nil {
				t.Errorf("%s after %v: %v", kid, at, err)
			}
			return ids(list)
		}
		for _, test := range []struct {
			kid  string
			at   time.Duration
			want []string
		}{
			{"now", 0, []string{"now"}},
			{"now", time.Minute, []string{"now"}},
			{"now", time.Minute + 1, nil},
			{"soon", time.Minute - 1, nil},
			{"soon", time.Minute, []string{"soon"}},
			{"a", 0, nil},
			{"", 0, []string{"now"}},
			{"", time.Minute, []string{"now", "soon"}},
			{"", time.Hour, nil},
		} {
			if diff := cmp.Diff(test.want, candidates(test.kid, test.at)); diff != "" {
				t.Errorf("%q after %v (-want +got):\n%s", test.kid, test.at, diff)
			}
		}
		if _, err := r.Candidates("", "a", "RS256", start); policy.ReasonOf(err) != policy.AlgorithmNotAllowed {
			t.Errorf("another algorithm: %v", err)
		}
		// An empty document is a failed refresh.
		r.provider.set(func(p *provider) { p.document = "{}" })
		time.Sleep(time.Hour)
		synctest.Wait()
		if got := r.observed(); got.Succeeded != 1 || got.Failed == 0 || !r.Ready() {
			t.Errorf("observed %+v, ready %v", got, r.Ready())
		}
	})
}

func TestPublicKeyCertificate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key.pem")
	if err := os.WriteFile(path, []byte(certify(p256(), validFrom, validUntil, 0)), 0o600); err != nil {
		t.Fatal(err)
	}
	set := load(t, keys.Settings{PublicKeys: []keys.PublicKeySettings{{ID: "k", File: path}}})
	for at, want := range map[time.Time][]string{
		validFrom.Add(-1): nil, validFrom: {"k"}, validUntil: {"k"}, validUntil.Add(1): nil,
	} {
		got, err := set.Candidates("", "k", "ES256", at)
		if diff := cmp.Diff(want, ids(got)); diff != "" || err != nil {
			t.Errorf("%v: %v (-want +got):\n%s", at, err, diff)
		}
	}
}

// FuzzParseCertificates holds that what is accepted is a usable key.
func FuzzParseCertificates(f *testing.F) {
	f.Add([]byte(certificateMap(map[string]any{"a": certify(p256(), validFrom, validUntil, 0), "b": 1})))
	f.Add([]byte(`{"a":"-----BEGIN CERTIFICATE-----"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		set, err := keys.ParseCertificates(data)
		if (err == nil) != (set != nil && len(set.Keys) > 0) {
			t.Fatalf("ParseCertificates = %v, %v", set, err)
		}
		if err != nil {
			return
		}
		for _, k := range set.Keys {
			if k.Symmetric() || k.NotAfter.IsZero() {
				t.Errorf("accepted %v", k)
			}
		}
	})
}
