package policytest

import (
	"path/filepath"
	"time"

	"postern/config"
	"postern/policy"
)

// File is a file with the tests of a policy.
type File struct {
	// Config is the path of the configuration, relative to the file.
	Config string `yaml:"config"`
	// At is the time of every case that has none of its own; the zero time is that
	// of the run.
	At    time.Time `yaml:"at"`
	Cases []Case    `yaml:"cases"`

	name   string
	places *config.File
}

// Case is one request and what must come of it.
type Case struct {
	Name string    `yaml:"name"`
	At   time.Time `yaml:"at"`
	// Request is the request line.
	Request RequestLine `yaml:"request"`
	// Headers are sent beside those that JSON, Form and the credentials bring.
	Headers map[string]policy.OneOrMore[string] `yaml:"headers"`
	// One of these three at most is the body: a value that is sent as JSON, the
	// fields of a form, or any text.
	JSON any                                 `yaml:"json"`
	Form map[string]policy.OneOrMore[string] `yaml:"form"`
	Body string                              `yaml:"body"`
	// Credentials are those that the request carries, by authenticator; none is
	// anonymous.
	Credentials map[string]Credential `yaml:"credentials"`
	// Answers are those of the services that an introspection or a profile asks, by
	// authenticator. Others cannot be reached.
	Answers map[string]Answer `yaml:"answers"`
	Expect  Expectation       `yaml:"expect"`
}

// Read reads a file. The error is [config.Errors] where the file has faults.
func Read(name string) (*File, error) {
	f := &File{name: name}
	places, err := config.Read(name, f)
	if err != nil {
		return nil, err
	}
	f.places = places
	return f, nil
}

// Check implements [config.Checked].
func (f *File) Check(problems *policy.Problems) {
	var top policy.Path
	if f.Config == "" {
		problems.Addf(top.At("config"), "is missing: name the configuration that is tested")
	}
	if len(f.Cases) == 0 {
		problems.Addf(top.At("cases"), "is missing, or empty")
	}
	names := map[string]bool{}
	for i := range f.Cases {
		at, c := top.At("cases", i), &f.Cases[i]
		switch {
		case c.Name == "":
			problems.Addf(at, "name is missing")
		case names[c.Name]:
			problems.Addf(at.At("name"), "%q stands twice", c.Name)
		}
		names[c.Name] = true
		c.check(at, problems)
	}
}

func (c *Case) check(at policy.Path, problems *policy.Problems) {
	if c.Request.method == "" {
		problems.Addf(at, "request is missing: write a method and a URL, such as GET /path")
	}
	bodies := 0
	for _, given := range [...]bool{c.JSON != nil, c.Form != nil, c.Body != ""} {
		if given {
			bodies++
		}
	}
	if bodies > 1 {
		problems.Addf(at, "has more than one body: use one of json, form and body")
	}
	checkHeaders(at.At("headers"), c.Headers, problems)
	for name, credential := range c.Credentials {
		credential.check(at.At("credentials", name), problems)
	}
	for name, answer := range c.Answers {
		answer.check(at.At("answers", name), problems)
	}
	c.Expect.check(at, problems)
}

// configFile returns the path of the configuration.
func (f *File) configFile() string {
	if filepath.IsAbs(f.Config) {
		return f.Config
	}
	return filepath.Join(filepath.Dir(f.name), f.Config)
}
