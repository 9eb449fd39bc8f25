package authn

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"

	"postern/keys"
)

// describe returns what a certificate says, as references name it. What it does not
// say is not there, and neither is what it says twice where one is wanted.
func describe(c *x509.Certificate) map[string]any {
	san := map[string]any{}
	uris := make([]string, 0, len(c.URIs))
	for _, u := range c.URIs {
		uris = append(uris, u.String())
	}
	addresses := make([]string, 0, len(c.IPAddresses))
	for _, address := range c.IPAddresses {
		addresses = append(addresses, address.String())
	}
	setTexts(san, "uri", uris)
	setTexts(san, "dns", c.DNSNames)
	setTexts(san, "email", c.EmailAddresses)
	setTexts(san, "ip", addresses)
	return map[string]any{
		"serial":      c.SerialNumber.Text(16),
		"fingerprint": keys.Fingerprint(c),
		"subject":     describeName(&c.Subject),
		"issuer":      describeName(&c.Issuer),
		"san":         san,
	}
}

func describeName(n *pkix.Name) map[string]any {
	name := map[string]any{}
	setTexts(name, "o", n.Organization)
	setTexts(name, "ou", n.OrganizationalUnit)
	setTexts(name, "c", n.Country)
	setTexts(name, "st", n.Province)
	setTexts(name, "l", n.Locality)
	if dn := n.String(); dn != "" {
		name["dn"] = dn
	}
	// pkix keeps the last of several, and others the first.
	if cn := commonNames(n); len(cn) == 1 && cn[0] != "" {
		name["cn"] = cn[0]
	}
	return name
}

func commonNames(n *pkix.Name) (names []string) {
	for _, attribute := range n.Names {
		if attribute.Type.Equal(commonName) {
			text, _ := attribute.Value.(string)
			names = append(names, text)
		}
	}
	return names
}

// commonName is id-at-commonName (RFC 5280, appendix A.1).
var commonName = asn1.ObjectIdentifier{2, 5, 4, 3}

func setTexts(object map[string]any, name string, texts []string) {
	if len(texts) == 0 {
		return
	}
	list := make([]any, len(texts))
	for i, text := range texts {
		list[i] = text
	}
	object[name] = list
}
