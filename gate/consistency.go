package gate

import (
	"context"
	"net/url"
	"slices"
	"strings"

	"postern/policy"
)

// checkConsistency holds the request to each rule of its route.
func (d *Decision) checkConsistency(ctx context.Context) error {
	trace := d.request.Trace
	for i := range d.Route.Rules {
		rule := &d.Route.Rules[i]
		step := trace.EnterRule(rule)
		if !rule.Applies(d.Verified.Level) {
			trace.Skip(step)
			continue
		}
		var named policy.Occurrences
		var err error
		if profile := d.compiled.profiles[i]; profile != nil {
			trace.By(rule.With)
			named, err = d.inProfile(ctx, profile, rule.Request)
			trace.By("")
		} else {
			named, err = d.named(rule.Request)
		}
		if err != nil {
			return err
		}
		if trace != nil {
			trace.Steps[step].Compared = []string{rule.DescribeRequest(named), rule.DescribeIdentity(&d.Verified.Identity)}
		}
		if err := rule.Check(&d.Verified.Identity, named); err != nil {
			return err
		}
	}
	return nil
}

// named returns what the request has where ref points.
func (d *Decision) named(ref policy.Reference) (policy.Occurrences, error) {
	if ref.Source != policy.Body {
		texts, err := d.appendTexts(d.scratch[:0], ref)
		return policy.Occurrences{Texts: texts}, err
	}
	return d.bodyPart(ref.Path.String())
}

// appendTexts appends every text that the request has where ref points.
func (d *Decision) appendTexts(list []string, ref policy.Reference) ([]string, error) {
	r := d.request
	switch ref.Source {
	case policy.PathValue:
		if value, ok := d.values.Get(ref.Name); ok {
			list = append(list, value)
		}
	case policy.QueryParameter:
		return appendQuery(list, r.URL.RawQuery, ref.Name)
	case policy.HeaderField:
		list = append(list, r.Header[ref.Name]...)
	case policy.Cookie:
		return appendCookie(list, r.Header["Cookie"], ref.Name)
	case policy.Host:
		list = append(list, d.host)
	case policy.Method:
		list = append(list, r.Method)
	}
	return list, nil
}

// Texts implements authn.Request.
func (d *Decision) Texts(ref policy.Reference) ([]string, error) {
	named, err := d.named(ref)
	if err != nil || len(named.Values) == 1 && named.Values[0] == nil {
		return nil, err
	}
	texts := slices.Clone(named.Texts) // which the next look-up overwrites
	for _, value := range named.Values {
		text, ok := value.Text()
		if !ok {
			return nil, policy.Denyf(policy.MalformedCredential, "%s is neither a text nor an integer", ref)
		}
		texts = append(texts, text)
	}
	return texts, nil
}

// checkNames refuses a parameter or cookie that a backend might read in place
// of one that a rule compares.
func checkNames(r *Request, compiled *route) error {
	for _, checked := range compiled.readQuery {
		if err := checkQueryAliases(r.URL.RawQuery, checked); err != nil {
			return err
		}
	}
	if len(compiled.readCookies) > 0 {
		if err := checkCookies(r.Header["Cookie"]); err != nil {
			return err
		}
	}
	for _, checked := range compiled.readCookies {
		for name := range eachCookie(r.Header["Cookie"]) {
			if isNameAlias(name, checked) {
				return policy.Denyf(policy.MalformedRequest, "a cookie is another spelling of %s", checked)
			}
		}
	}
	return nil
}

// eachCookie yields names and raw values as RFC 6265, section 4.2.1, writes
// them, without judging either.
func eachCookie(fields []string) func(yield func(name, value string) bool) {
	return func(yield func(name, value string) bool) {
		for _, field := range fields {
			for pair := range strings.SplitSeq(field, ";") {
				name, value, _ := strings.Cut(strings.Trim(pair, " \t"), "=")
				if !yield(strings.Trim(name, " \t"), strings.Trim(value, " \t")) {
					return
				}
			}
		}
	}
}

// checkCookies refuses what RFC 6265, section 4.1.1, does not let into a cookie:
// backends split, trim and unquote it in ways of their own.
func checkCookies(fields []string) error {
	for _, field := range fields {
		for pair := range strings.SplitSeq(field, ";") {
			if strings.ContainsFunc(strings.TrimLeft(pair, " "), notInCookie) {
				return policy.Deny(policy.MalformedRequest, "a cookie holds a byte that is not allowed there")
			}
		}
	}
	return nil
}

func notInCookie(r rune) bool { return r <= ' ' || r >= 0x7f || r == '"' || r == ',' || r == '\\' }

// appendCookie appends each value of the named cookie. Backends differ on
// whether they drop quotes and decode percent signs: a value on which that
// makes a difference names nobody.
func appendCookie(list, fields []string, name string) ([]string, error) {
	for n, value := range eachCookie(fields) {
		if n != name {
			continue
		}
		if decoded, err := url.PathUnescape(value); err != nil || decoded != value || strings.HasPrefix(value, `"`) {
			return nil, policy.Denyf(policy.IdentityMismatch, "the cookie %s is quoted or encoded", name)
		}
		list = append(list, value)
	}
	return list, nil
}

// resolveRequest gives what a header template names of the request: an id of
// ours, or a part that a required rule has compared in every occurrence.
func (d *Decision) resolveRequest(ref policy.Reference) (any, bool) {
	if ref.Source == policy.RequestID {
		return d.request.ID, true
	}
	named, err := d.named(ref)
	switch {
	case err != nil:
	case len(named.Texts) > 0:
		return named.Texts[0], true
	case len(named.Values) > 0:
		return named.Values[0].Parse()
	}
	return nil, false
}
