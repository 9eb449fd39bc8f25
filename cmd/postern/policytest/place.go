package policytest

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"

	"postern/authn"
	"postern/policy"
)

// placeholder is where a case says that a credential stands, as in
// /socket?token=JWT%20${agent-token}, by the name of its authenticator.
var placeholder = regexp.MustCompile(`\$\{([A-Za-z0-9._-]+)\}`)

// placing puts credentials into a request.
type placing struct {
	*draft
	credentials map[string]string // by authenticator
	placed      map[string]bool
	unknown     string // the first placeholder, by name, for which there is no credential
}

// fill replaces every placeholder.
func (p *placing) fill() error {
	p.target = p.replace(p.target, url.QueryEscape)
	for _, values := range p.header {
		p.replaceAll(values)
	}
	for _, values := range p.form {
		p.replaceAll(values)
	}
	p.text = p.replace(p.text, verbatim)
	p.json = p.inJSON(p.json)
	if p.unknown != "" {
		return fmt.Errorf("the request names ${%s}, and the case has no such credential", p.unknown)
	}
	return nil
}

func verbatim(text string) string { return text }

func (p *placing) replaceAll(texts []string) {
	for i, text := range texts {
		texts[i] = p.replace(text, verbatim)
	}
}

func (p *placing) replace(text string, encode func(string) string) string {
	return placeholder.ReplaceAllStringFunc(text, func(found string) string {
		name := found[2 : len(found)-1]
		credential, known := p.credentials[name]
		if !known {
			p.unknown = min(name, cmp.Or(p.unknown, name))
			return found
		}
		p.placed[name] = true
		return encode(credential)
	})
}

func (p *placing) inJSON(value any) any {
	switch v := value.(type) {
	case string:
		return p.replace(v, verbatim)
	case []any:
		for i, element := range v {
			v[i] = p.inJSON(element)
		}
	case map[string]any:
		for name, member := range v {
			v[name] = p.inJSON(member)
		}
	}
	return value
}

// put puts a credential that no placeholder has placed where its authenticator
// reads it first.
func (p *placing) put(name string, c authn.Carrier) error {
	credential := p.credentials[name]
	if p.placed[name] {
		return nil
	}
	switch {
	case c.Header != "":
		if c.Scheme != "" {
			credential = c.Scheme + " " + credential
		}
		p.header.Add(c.Header, credential)
	case c.Query != "":
		separator := "?"
		if strings.Contains(p.target, "?") {
			separator = "&"
		}
		p.target += separator + url.QueryEscape(c.Query) + "=" + url.QueryEscape(credential)
	case c.Cookie != "":
		p.appendField("Cookie", "; ", c.Cookie+"="+credential)
	case c.Protocol != "":
		p.appendField("Sec-Websocket-Protocol", ", ", c.Protocol+", "+credential)
	case c.Body != "":
		return p.putInBody(name, c.Body)
	}
	return nil
}

func (p *placing) appendField(name, separator, text string) {
	if before := p.header.Get(name); before != "" {
		text = before + separator + text
	}
	p.header.Set(name, text)
}

func (p *placing) putInBody(name, place string) error {
	if p.form != nil {
		p.form[place] = append(p.form[place], p.credentials[name])
		return nil
	}
	if p.text != "" {
		return fmt.Errorf("write ${%s} where the credential stands in the body", name)
	}
	if p.json == nil {
		p.json = map[string]any{}
	}
	path, err := policy.ParseClaimPath(place)
	if err != nil {
		return err
	}
	object, ok := p.json.(map[string]any)
	if !ok {
		return errors.New("the credential belongs into an object, and json is none")
	}
	return path.Set(object, p.credentials[name])
}
