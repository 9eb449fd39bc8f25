package config

import (
	"crypto/tls"
	"fmt"
	"maps"
	"path/filepath"
	"slices"

	"postern/authn"
	"postern/forwardauth"
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
	// StateDir is the folder of the last good copies of remote keys, "" for none.
	StateDir string `yaml:"state_dir"`

	Upstreams       map[string]proxy.UpstreamSettings `yaml:"upstreams"`
	Authenticators  map[string]Authenticator          `yaml:"authenticators"`
	IdentityHeaders map[string]*policy.Template       `yaml:"identity_headers"`
	Strip           policy.Strip                      `yaml:"strip"`
	Denials         map[string]policy.DenialSettings  `yaml:"denials"`
	CORS            *policy.CORSSettings              `yaml:"cors"`
	RouteList       []policy.RouteSettings            `yaml:"routes"`
	Revocations     *authn.RevocationSettings         `yaml:"revocations"`
	OpaqueID        *keys.OpaqueIDSettings            `yaml:"opaque_id"`
	Abuse           *proxy.AbuseSettings              `yaml:"abuse"` // nil for off
	Streams         *policy.StreamSettings            `yaml:"streams"`

	IdentityAssertion *authn.AssertionSettings `yaml:"identity_assertion"`
	ForwardAuth       *forwardauth.Settings    `yaml:"forward_auth"` // nil for off

	// Files are those that it was read from.
	Files *keys.Files

	// What was compiled from the settings.
	Routes     []*policy.Route
	Matcher    *policy.Matcher
	Tokens     map[string]*authn.Token        // by authenticator
	StaticKeys map[string]*keys.Static        // by authenticator, of those with local keys
	Rings      map[string]*keys.Ring          // by authenticator, of those with a key ring
	Remotes    map[string]keys.RemoteSettings // by authenticator, of those with remote keys
	// ClientSecrets are Postern's own at authorization servers, by authenticator.
	ClientSecrets map[string][]byte
	AdminToken    []byte // empty where none is asked for
	// ServerTLS is that of the listener for clients, nil for plain text; Authorities
	// are those of client certificates, nil where none is asked for.
	ServerTLS   *tls.Config
	Authorities *keys.Static
	// DenialFormats are by name; CORSPolicy is nil where none is configured.
	DenialFormats map[string]*policy.DenialFormat
	CORSPolicy    *policy.CORS
	// Revoked, OpaqueIDs and Asserter are nil where the file has no such section.
	Revoked   *authn.RevocationList
	OpaqueIDs *keys.OpaqueIDs
	Asserter  *authn.Asserter

	// What the checks know.
	undecoded    []policy.Path         // see [Config.undecodedBelow]
	capabilities map[string]capability // by authenticator, anonymous among them
}

// maxFileBytes bounds a configuration file.
const maxFileBytes = 16 << 20

// Load reads a configuration file and what it names. The error is [Errors]
// where the file has faults; the file then has no effect at all.
func Load(file string, lookupEnv func(string) (string, bool)) (*Config, error) {
	c, _, err := Reload(file, lookupEnv, keys.NewFiles())
	return c, err
}

// maxReadings is how often files that change meanwhile are read at a time.
const maxReadings = 3

// Reload is [Load] after the files of before were loaded. It also returns what
// was read, well or not.
func Reload(file string, lookupEnv func(string) (string, bool), before *keys.Files) (c *Config, files *keys.Files, err error) {
	for range maxReadings {
		files = before.Next()
		c, err = load(file, lookupEnv, files, nil)
		if !files.Moved() {
			return c, files, err
		}
	}
	return nil, files, fmt.Errorf("%s, or a file that it names, changes while it is read", file)
}

// load reads a configuration. Where prepare is not nil, it may change the settings
// before anything is made of them, and a key ring need not be there.
func load(
	file string, lookupEnv func(string) (string, bool), files *keys.Files, prepare func(*Config) error,
) (*Config, error) {
	data, err := files.Read("", file, maxFileBytes)
	if err != nil {
		return nil, err
	}
	doc, errs := parseDocument(file, data)
	if doc == nil {
		return nil, errs
	}
	doc.files, doc.secretless = files, prepare != nil
	c := &Config{Files: files}
	errs = append(errs, doc.decode(c)...)
	var problems policy.Problems
	c.undecoded = doc.undecoded()
	c.check(&problems)
	if prepare != nil {
		if err := prepare(c); err != nil {
			return nil, err
		}
	}
	c.compile(keys.Loader{Dir: filepath.Dir(file), LookupEnv: lookupEnv, Files: files}, &problems)
	for _, p := range problems.List {
		if !doc.explains(p) {
			errs = append(errs, doc.locate(p))
		}
	}
	if len(errs) > 0 {
		return nil, errs.Sorted()
	}
	return c, nil
}

// compile resolves and builds all that needs no running process.
func (c *Config) compile(load keys.Loader, problems *policy.Problems) {
	c.Tokens, c.StaticKeys, c.Rings = map[string]*authn.Token{}, map[string]*keys.Static{}, map[string]*keys.Ring{}
	c.Remotes = map[string]keys.RemoteSettings{}
	c.ClientSecrets = map[string][]byte{}
	c.loadTLS(load, problems)
	for _, name := range slices.Sorted(maps.Keys(c.Authenticators)) {
		at := policy.Path{"authenticators", name}
		switch a := c.Authenticators[name]; {
		case a.Token != nil:
			c.Tokens[name] = authn.NewToken(name, a.Token, load, at, problems)
		case a.JWT != nil && a.JWT.Keys.IsKeyring():
			c.Rings[name] = a.JWT.Keys.LoadRing(at.At("keys"), load, a.JWT.AllowWeakSecret, problems)
			a.JWT.Keys.KeyringFile.Content = nil // as large as the ring, and of no use beside it
		case a.JWT != nil && a.JWT.Keys.IsRemote():
			c.Remotes[name] = a.JWT.Keys.LoadRemote(at.At("keys"), load, c.StateDir, problems)
		case a.JWT != nil:
			set := a.JWT.Keys.Load(at.At("keys"), load, a.JWT.AllowWeakSecret, problems)
			if set != nil {
				c.StaticKeys[name] = set
				a.JWT.CheckFits(set, at, problems)
			}
		case a.Introspection != nil:
			c.ClientSecrets[name] = a.Introspection.Load(at, load, problems)
		case a.Signature != nil:
			if set := a.Signature.Load(at, load, problems); set != nil {
				c.StaticKeys[name] = set
			}
		case a.MTLS != nil && c.Authorities != nil:
			c.StaticKeys[name] = c.Authorities
		}
	}
	if c.Admin.Token != nil {
		token, err := load.Secret(*c.Admin.Token)
		if err != nil {
			problems.Addf(policy.Path{"admin", "token"}, "%v", err)
		}
		c.AdminToken = token
	}
	c.DenialFormats, c.CORSPolicy = map[string]*policy.DenialFormat{}, policy.NewCORS(c.CORS)
	for name, settings := range c.Denials {
		c.DenialFormats[name] = policy.NewDenialFormat(&settings)
	}
	if c.Revocations != nil {
		c.Revoked = authn.NewRevocationList(c.Revocations.File.Content)
		c.Revocations.File.Content = nil // as large as the list, and of no use beside it
	}
	c.Routes = policy.NewRoutes(c.RouteList, policy.Common{
		IdentityHeaders: c.IdentityHeaders, Strip: c.Strip, Denials: c.DenialFormats, CORS: c.CORSPolicy,
	})
	for i, r := range c.Routes {
		r.Streams = policy.NewStreams(c.Streams, c.RouteList[i].Streams)
		r.Audience = c.audience(r.Upstream)
	}
	c.Asserter = c.IdentityAssertion.Load(policy.Path{"identity_assertion"}, load, problems)
	if c.OpaqueID != nil {
		c.OpaqueIDs = c.OpaqueID.Load(policy.Path{"opaque_id"}, load, problems)
		for _, r := range c.Routes {
			r.SealWith(c.OpaqueIDs)
		}
	}
	matcher, conflicts := policy.NewMatcher(c.Routes)
	for _, conflict := range conflicts {
		problems.List = append(problems.List, policy.Problem{
			Path:    c.patternPath(conflict.Route, conflict.RoutePattern),
			Other:   c.patternPath(conflict.Other, conflict.OtherPattern),
			Message: conflict.Error(),
		})
	}
	c.Matcher = matcher
	c.checkSameSecrets(problems)
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
	if c.IdentityAssertion != nil {
		names = append(names, c.IdentityAssertion.Header)
	}
	return names
}
