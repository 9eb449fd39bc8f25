package authn

import (
	"encoding/json"

	"postern/policy"
)

// Reads returns the part of the request that selects the tenant, if one does.
func (s *JWTSettings) Reads() []policy.Reference {
	if s.Keys.Select == nil || !s.Keys.Select.Reference().OfRequest() {
		return nil
	}
	return []policy.Reference{s.Keys.Select.Reference()}
}

// Reads implements [RequestReader].
func (j *JWT) Reads() []policy.Reference { return j.reads }

// requestedTenant returns the tenant that the request selects, "" where it selects
// none or the token does. It is known before the cache is asked: what is in there
// for one tenant must not be found for another.
func (j *JWT) requestedTenant(r Request, trace *Trace) (string, error) {
	if j.reads == nil {
		return "", nil
	}
	trace.Enter(CheckTenant)
	texts, err := r.Texts(j.settings.Keys.Select.Reference())
	return j.settings.Keys.Select.Tenant(texts), err
}

// tenant returns the tenant whose secrets must verify the token: the requested
// one, or the one that the token claims to be of. That claim is not verified yet,
// and whoever forges it must still sign with a secret of the tenant that it names.
func (j *JWT) tenant(t *jws, requested string) string {
	if j.settings.Keys.Select == nil || j.reads != nil {
		return requested
	}
	claim, _ := j.settings.Keys.Select.Reference().Path.Lookup(t.claims)
	list, isList := claim.([]any)
	if !isList {
		list = []any{claim}
	}
	texts := make([]string, len(list))
	for i, element := range list {
		switch v := element.(type) { // anything else is "", which is no tenant
		case string:
			texts[i] = v
		case json.Number:
			texts[i] = v.String()
		}
	}
	return j.settings.Keys.Select.Tenant(texts)
}
