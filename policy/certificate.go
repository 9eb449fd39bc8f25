package policy

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// certificateParts are the parts of a client certificate that a reference can name,
// and whether each is a list. The names of the subject and of the issuer are those
// of RFC 4514, section 3, in lower case.
var certificateParts = map[string]bool{
	"serial":      false, // lower-case hexadecimal digits, as of the fingerprint
	"fingerprint": false, // SHA-256

	"subject.dn": false, "subject.cn": false, "subject.o": true, "subject.ou": true, "subject.c": true, "subject.st": true, "subject.l": true,
	"issuer.dn": false, "issuer.cn": false, "issuer.o": true, "issuer.ou": true, "issuer.c": true, "issuer.st": true, "issuer.l": true,

	"san.uri": true, "san.dns": true, "san.email": true, "san.ip": true,
}

// checkCertificatePath refuses what no certificate has: a name that is mistyped
// would name no customer.
func checkCertificatePath(path ClaimPath) error {
	name, indices := path.certificatePart()
	list, known := certificateParts[name]
	switch {
	case !known:
		return fmt.Errorf("a certificate has no %s: use one of %s", path, strings.Join(slices.Sorted(maps.Keys(certificateParts)), ", "))
	case indices > 1 || indices == 1 && !list:
		return fmt.Errorf("nothing may follow %s", name)
	}
	return nil
}

// certificatePart returns the name at the beginning of the path, and the number of
// steps after it.
func (p ClaimPath) certificatePart() (name string, more int) {
	names := make([]string, 0, len(p.steps))
	for _, s := range p.steps {
		if s.isIndex {
			break
		}
		names = append(names, s.key)
	}
	return strings.Join(names, "."), len(p.steps) - len(names)
}

// NamesList reports whether a reference to a certificate names a list, and not one
// of its elements.
func (r Reference) NamesList() bool {
	name, indices := r.Path.certificatePart()
	return r.Source == Certificate && certificateParts[name] && (indices == 0 || r.Path.steps[len(r.Path.steps)-1].index == allElements)
}
