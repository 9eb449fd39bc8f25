package config

import (
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"postern/authn"
	"postern/keys"
	"postern/policy"
	"postern/proxy"
)

// Config is the content of a configuration file, without fault.
type Config struct {
	Server proxy.ServerSettings `yaml:"server"`
	Admin  proxy.AdminSettings  `yaml:"admin"`
	Health proxy.HealthSettings `yaml:"health"`
	Log    proxy.LogSettings    `yaml:"log"`
	Limits proxy.LimitSettings  `yaml:"limits"`
	Cache  authn.CacheSettings  `yaml:"cache"`

	Upstreams       map[string]proxy.UpstreamSettings `yaml:"upstreams"`
	Authenticators  map[string]Authenticator          `yaml:"authenticators"`
	IdentityHeaders map[string]*policy.Template       `yaml:"identity_headers"`
	RouteList       []policy.RouteSettings            `yaml:"routes"`

	StateDir          policy.Unsupported `yaml:"state_dir"`
	Abuse             policy.Unsupported `yaml:"abuse"`
	Revocations       policy.Unsupported `yaml:"revocations"`
	OpaqueID          policy.Unsupported `yaml:"opaque_id"`
	Denials           policy.Unsupported `yaml:"denials"`
	Streams           policy.Unsupported `yaml:"streams"`
	ForwardAuth       policy.Unsupported `yaml:"forward_auth"`
	CORS              policy.Unsupported `yaml:"cors"`
	Strip             policy.Unsupported `yaml:"strip"`
	IdentityAssertion policy.Unsupported `yaml:"identity_assertion"`

	// What was compiled from the settings.
	Routes     []*policy.Route
	Matcher    *policy.Matcher
	Tokens     map[string]*authn.Token // by authenticator
	StaticKeys map[string]*keys.Static // by authenticator, of those with local keys
	AdminToken []byte                  // empty where none is asked for
}

// Authenticator is one configured way to verify a credential: exactly one of
// the fields is set.
type Authenticator struct {
	Token *authn.TokenSettings
	JWT   *authn.JWTSettings
}

// unbuiltKinds are types of the contract that do not exist yet.
var unbuiltKinds = []string{"introspection", "profile", "signature", "mtls"}

// Kinds lists the types, for the decoder's suggestions.
func (a *Authenticator) Kinds() []string { return []string{"token", "jwt"} }

// Variant prepares the settings of a type, for the decoder.
func (a *Authenticator) Variant(kind string) (any, error) {
	switch kind {
	case "token":
		a.Token = new(authn.TokenSettings)
		return a.Token, nil
	case "jwt":
		a.JWT = new(authn.JWTSettings)
		return a.JWT, nil
	}
	if slices.Contains(unbuiltKinds, kind) {
		return nil, fmt.Errorf("%s: not supported yet", kind)
	}
	return nil, fmt.Errorf("%q is no type of authenticator", kind)
}

// maxFileBytes bounds a configuration file.
const maxFileBytes = 16 << 20

// Load reads a configuration file and what it names. The error is [Errors]
// where the file has faults; the file then has no effect at all.
func Load(file string, lookupEnv func(string) (string, bool)) (*Config, error) {
	data, err := readFile(file)
	if err != nil {
		return nil, err
	}
	doc, errs := parseDocument(file, data)
	if doc == nil {
		return nil, errs
	}
	c := &Config{}
	errs = append(errs, doc.decode(c)...)
	var problems policy.Problems
	c.check(&problems)
	c.compile(keys.Loader{Dir: filepath.Dir(file), LookupEnv: lookupEnv}, &problems)
	for _, p := range problems.List {
		if !doc.explains(p) {
			errs = append(errs, doc.locate(file, p))
		}
	}
	if len(errs) > 0 {
		return nil, errs.Sorted()
	}
	return c, nil
}

// explains reports whether a problem only follows from a value that could not
// be decoded, which is reported already.
func (d *document) explains(p policy.Problem) bool {
	path := p.Path
	if key, _, missing := strings.Cut(p.Message, " is missing"); missing {
		path = path.At(key)
	}
	return slices.ContainsFunc(d.failed, func(failed policy.Path) bool {
		return len(failed) <= len(path) && slices.Equal(failed, path[:len(failed)])
	})
}

// locate gives a problem the position of the setting that it is about.
func (d *document) locate(file string, p policy.Problem) Error {
	message := p.Path.String() + ": " + p.Message
	if p.Other != nil {
		line, _ := d.position(p.Other)
		message += fmt.Sprintf(" (%s, line %d)", p.Other, line)
	}
	line, column := d.position(p.Path)
	return Error{file, line, column, message}
}

func readFile(file string) ([]byte, error) {
	// Before the file is opened: to open a named pipe waits for its writer.
	info, err := os.Stat(file)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file", file)
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	// One byte more than [document.checkText] takes.
	return io.ReadAll(io.LimitReader(f, maxFileBytes+1))
}

// compile resolves and builds all that needs no running process.
func (c *Config) compile(load keys.Loader, problems *policy.Problems) {
	c.Tokens, c.StaticKeys = map[string]*authn.Token{}, map[string]*keys.Static{}
	for _, name := range slices.Sorted(maps.Keys(c.Authenticators)) {
		at := policy.Path{"authenticators", name}
		switch a := c.Authenticators[name]; {
		case a.Token != nil:
			c.Tokens[name] = authn.NewToken(name, a.Token, load, at, problems)
		case a.JWT != nil:
			set := a.JWT.Keys.Load(at.At("keys"), load, a.JWT.AllowWeakSecret, problems)
			if set != nil {
				c.StaticKeys[name] = set
				a.JWT.CheckFits(set, at, problems)
			}
		}
	}
	if c.Admin.Token != nil {
		token, err := load.Secret(*c.Admin.Token)
		if err != nil {
			problems.Addf(policy.Path{"admin", "token"}, "%v", err)
		}
		c.AdminToken = token
	}
	c.Routes = policy.NewRoutes(c.RouteList, c.IdentityHeaders)
	matcher, conflicts := policy.NewMatcher(c.Routes)
	for _, conflict := range conflicts {
		problems.List = append(problems.List, policy.Problem{
			Path:    c.patternPath(conflict.Route, conflict.RoutePattern),
			Other:   c.patternPath(conflict.Other, conflict.OtherPattern),
			Message: conflict.Error(),
		})
	}
	c.Matcher = matcher
}

func (c *Config) patternPath(r *policy.Route, p *policy.Pattern) policy.Path {
	return policy.Path{"routes", r.Index, "match", slices.Index(r.Patterns, p)}
}

// IdentityHeaderNames returns every header that any part of the file sets, or
// removes from a route: no client may send one of them anywhere.
func (c *Config) IdentityHeaderNames() []string {
	names := slices.Collect(maps.Keys(c.IdentityHeaders))
	for i := range c.RouteList {
		names = slices.AppendSeq(names, maps.Keys(c.RouteList[i].IdentityHeaders))
	}
	return names
}
