package policy

import (
	"errors"
	"unicode/utf8"
)

// Sealer makes opaque ids: the same text always gives the same one, and only the
// owner of the key can tell which text it was. It is safe for concurrent use.
type Sealer interface {
	Seal(text []byte) (opaque string)
}

// OpaqueCustomer is whom an opaque id stands for.
type OpaqueCustomer struct {
	// Tenant is the one whose customer it is, "" for none: customers of two tenants
	// are two, even where their ids are equal.
	Tenant string
	// ID is a string or an object of ids.
	ID any
}

// String returns the id: a text as it is, an object as canonical JSON, and before
// it the tenant, if there is one, and a tab.
func (c OpaqueCustomer) String() string {
	id, isText := c.ID.(string)
	if !isText {
		id, _ = canonicalJSON(c.ID)
	}
	if c.Tenant == "" {
		return id
	}
	return c.Tenant + "\t" + id
}

// The members of the text that is sealed.
const (
	opaqueID     = "id"
	opaqueTenant = "tenant"
)

// Text returns what is sealed: {"id":…}, with "tenant" where there is one, as
// canonical JSON (RFC 8785), in which an integer is the string of its digits, as
// rules compare it. ok is false for what names no customer, or not in UTF-8.
func (c OpaqueCustomer) Text() (text []byte, ok bool) {
	id, ok := AsCustomer(c.ID)
	if !ok {
		return nil, false
	}
	// All that is no UTF-8 would be the same JSON.
	valid := utf8.ValidString(c.Tenant)
	asText := func(id any) string {
		text := IDText(id)
		valid = valid && utf8.ValidString(text)
		return text
	}
	if ids, isObject := id.(map[string]any); isObject {
		texts := make(map[string]any, len(ids))
		for kind, one := range ids {
			texts[kind] = asText(one)
			valid = valid && utf8.ValidString(kind)
		}
		id = texts
	} else {
		id = asText(id)
	}
	members := map[string]any{opaqueID: id}
	if c.Tenant != "" {
		members[opaqueTenant] = c.Tenant
	}
	canonical, ok := canonicalJSON(members)
	return []byte(canonical), ok && valid
}

// ParseOpaqueCustomer reads what [OpaqueCustomer.Text] wrote.
func ParseOpaqueCustomer(text []byte) (OpaqueCustomer, error) {
	members, err := ParseObject(text)
	if err != nil {
		return OpaqueCustomer{}, err
	}
	id, ok := AsCustomer(members[opaqueID])
	if !ok {
		return OpaqueCustomer{}, errors.New("names no customer")
	}
	tenant, _ := members[opaqueTenant].(string)
	return OpaqueCustomer{tenant, id}, nil
}

// SealWith gives a route what makes its opaque ids. It must be called before the
// route is in use.
func (r *Route) SealWith(s Sealer) {
	r.Headers.sealer = s
	for i := range r.Rules {
		r.Rules[i].Sealer = s
	}
}

// resolveSealed is [Identity.Resolve] for all identity references; without a
// sealer nobody has an opaque id.
func (i *Identity) resolveSealed(ref Reference, s Sealer) (any, bool) {
	if ref.Source != OpaqueID {
		return i.Resolve(ref)
	}
	text, ok := OpaqueCustomer{i.Tenant, i.Customer}.Text()
	if !ok || s == nil {
		return nil, false
	}
	return s.Seal(text), true
}
