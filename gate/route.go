package gate

import (
	"fmt"
	"slices"

	"postern/authn"
	"postern/policy"
)

// route is what the gate keeps beside a policy's route. It is immutable.
type route struct {
	alternatives []alternative
	members      []*member // of all alternatives, each once
	challenges   []string  // schemes, in order, each once
	// credentialHeaders are those in which credentials stand, Authorization in any
	// case.
	credentialHeaders []string
	// The names of parameters, of cookies and in forms that rules or carriers read.
	readQuery, readCookies, readForms []string
	body                              policy.BodyPlan
	slots                             map[string]int // of readForms or the plan, by path
	// credentialInBody says that a member reads its credential in the body.
	credentialInBody bool
	profiles         []authn.Authenticator // by rule, nil for those on the request
}

// shape returns all that newRoute reads of a route: where it is the same, so is what
// is compiled. Of many routes most are alike.
func shape(r *policy.Route) string {
	text := fmt.Appendf(nil, "%q %t", r.Alternatives, r.BodyForm)
	if r.ForwardCredential != nil {
		text = fmt.Appendf(text, " %t", *r.ForwardCredential)
	}
	for i := range r.Rules {
		text = fmt.Appendf(text, " %q %q", r.Rules[i].Request, r.Rules[i].With)
	}
	return string(text)
}

func newRoute(r *policy.Route, authenticators map[string]authn.Authenticator) *route {
	compiled := &route{credentialHeaders: []string{"Authorization"}, slots: map[string]int{}}
	for _, names := range r.Alternatives {
		compiled.alternatives = append(compiled.alternatives, compiled.newAlternative(r, names, authenticators))
	}
	for _, m := range compiled.members {
		compiled.findRivals(m)
		for _, c := range m.Carriers() {
			addOnce(&compiled.challenges, challengeScheme(c))
			addName(&compiled.credentialHeaders, c.Header)
			addName(&compiled.readQuery, c.Query)
			addName(&compiled.readCookies, c.Cookie)
			if c.Body != "" {
				compiled.credentialInBody = true
				path, err := policy.ParseClaimPath(c.Body)
				if err != nil {
					panic(err) // the configuration was checked
				}
				compiled.readBody(r, path)
			}
		}
		for _, ref := range reads(m.Authenticator) {
			compiled.read(r, ref)
		}
	}
	for _, rule := range r.Rules {
		compiled.read(r, rule.Request)
		profile := authenticators[rule.With]
		for _, ref := range reads(profile) {
			compiled.read(r, ref)
		}
		compiled.profiles = append(compiled.profiles, profile)
	}
	return compiled
}

// reads returns what an authenticator reads beside its carriers.
func reads(a authn.Authenticator) []policy.Reference {
	if reader, ok := a.(authn.RequestReader); ok {
		return reader.Reads()
	}
	return nil
}

// read notes that a part of the request is read.
func (r *route) read(p *policy.Route, ref policy.Reference) {
	switch ref.Source {
	case policy.QueryParameter:
		addName(&r.readQuery, ref.Name)
	case policy.Cookie:
		addName(&r.readCookies, ref.Name)
	case policy.Body:
		r.readBody(p, ref.Path)
	}
}

func (r *route) newAlternative(p *policy.Route, names []string, authenticators map[string]authn.Authenticator) alternative {
	a := alternative{name: policy.GroupName(names)}
	for _, name := range names {
		if name == authn.AnonymousName {
			continue
		}
		a.members = append(a.members, r.member(p, name, authenticators[name]))
	}
	return a
}

// member returns the member of a name, which is new or stands in an earlier
// alternative.
func (r *route) member(p *policy.Route, name string, a authn.Authenticator) *member {
	for _, m := range r.members {
		if m.name == name {
			return m
		}
	}
	m := &member{Authenticator: a, name: name, index: len(r.members), forward: a.ForwardCredential()}
	if p.ForwardCredential != nil {
		m.forward = *p.ForwardCredential
	}
	r.members = append(r.members, m)
	return m
}

// findRivals notes which members read a carrier of m.
func (r *route) findRivals(m *member) {
	for _, other := range r.members {
		if other == m || slices.ContainsFunc(other.Carriers(), func(c authn.Carrier) bool {
			return slices.ContainsFunc(m.Carriers(), c.Overlaps)
		}) {
			m.rivals = append(m.rivals, other)
		}
	}
	if len(m.rivals) == 1 {
		m.rivals = nil
	}
}

// readBody notes that a part of the body is read.
func (r *route) readBody(p *policy.Route, path policy.ClaimPath) {
	if p.BodyForm {
		addOnce(&r.readForms, path.Member())
		r.slots[path.String()] = slices.Index(r.readForms, path.Member())
		return
	}
	slot, err := r.body.Add(path)
	if err != nil {
		panic(err) // the configuration was checked
	}
	r.slots[path.String()] = slot
}

func addName(list *[]string, name string) {
	if name != "" {
		addOnce(list, name)
	}
}

func addOnce(list *[]string, word string) {
	if !slices.Contains(*list, word) {
		*list = append(*list, word)
	}
}
