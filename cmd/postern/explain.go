package main

import (
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"postern/config"
	"postern/explain"
)

// explanation is what the flags of the command say.
type explanation struct {
	file           string
	fields         []string
	data           string
	curl           string
	at             string
	jwks           []string
	client, cert   string
	json           bool
	expect         string
	command        *cobra.Command
	hasData, isCur bool
	expects        bool
}

func explainCommand() *cobra.Command {
	e := &explanation{}
	command := &cobra.Command{
		Use:   "explain --config FILE METHOD URL",
		Short: "Show why a request would be let through or refused, and what the upstream would see",
		Long: `Show what serve would do with a request: the route, each check with what it compares, the verdict, and what
the client or the upstream would get. It decides as serve does, and asks nothing over the network: keys of
jwks_url, discovery and x509_url come from --jwks or from the last good copy in state_dir, and what would have
to be asked is told.

Of credentials only the scheme and the length are shown. Claims of a token are shown, and marked as unverified
until its signature has been verified.

The request is a method and a URL (or a path), or a command line of curl in quotes. A body without a
Content-Type is sent as JSON where it begins as an object or a list, and otherwise as a form.

Exit codes: 0 whatever the verdict, 1 where it is not the one of --expect, 2 for wrong usage or configuration.`,
		Example: `  postern explain --config postern.yaml GET http://chat.example/chat/rooms -H 'Authorization: JWT eyJ…'
  postern explain --config postern.yaml POST /projects/acme/events -H 'Authorization: Token t0ken' -d @event.json
  postern explain --config postern.yaml --jwks jwks.json --at -10m --curl "curl 'https://chat.example/chat/' -H …"
  postern explain --config postern.yaml GET /admin --expect no_route`,
		Args: cobra.MaximumNArgs(2),
		RunE: func(command *cobra.Command, arguments []string) error {
			e.command = command
			e.hasData, e.isCur = command.Flags().Changed("data"), command.Flags().Changed("curl")
			e.expects = command.Flags().Changed("expect") // an unset variable must not pass for no expectation
			return e.run(arguments)
		},
	}
	flags := command.Flags()
	flags.StringVar(&e.file, "config", "", "the configuration file (required)")
	flags.StringArrayVarP(&e.fields, "header", "H", nil, "a field of the header, as Name: value; may be given again")
	flags.StringVarP(&e.data, "data", "d", "", "the body, or @FILE, or @- for the input")
	flags.StringVar(&e.curl, "curl", "", "a command line of curl in place of METHOD and URL")
	flags.StringVar(&e.at, "at", "", "when the request comes: a time of RFC 3339, or a distance such as -10m (default now)")
	flags.StringArrayVar(&e.jwks, "jwks", nil, "FILE with what the remote key sources publish, or NAME=FILE for that of one authenticator")
	flags.StringVar(&e.client, "client", "127.0.0.1", "the address that the request comes from, which may be a trusted proxy")
	flags.StringVar(&e.cert, "cert", "", "FILE with the client's certificate in PEM, and those between it and its authority")
	flags.BoolVar(&e.json, "json", false, "write JSON")
	flags.StringVar(&e.expect, "expect", "", "fail unless the verdict is allow, deny, report_deny or this reason")
	_ = command.MarkFlagRequired("config")
	return command
}

func (e *explanation) run(arguments []string) error {
	if e.expects && !slices.Contains(explain.Expectations(), e.expect) {
		return fmt.Errorf("--expect %s: use allow, deny, report_deny or a reason", e.expect)
	}
	client, err := netip.ParseAddr(e.client)
	if err != nil {
		return fmt.Errorf("--client %s is no address", e.client)
	}
	at, err := parseMoment(e.at, time.Now())
	if err != nil {
		return err
	}
	r, err := e.request(arguments)
	if err != nil {
		return err
	}
	c, err := config.Load(e.file, os.LookupEnv)
	if err != nil {
		return err
	}
	sources, err := loadSources(c, e.jwks, e.readFile, at)
	if err != nil {
		return err
	}
	server := sources.server(c)
	if server.Certificates, err = e.chains(c, at); err != nil {
		return err
	}
	outcome, err := server.Ask(r, client, at)
	if err != nil {
		return failed(err)
	}
	report := explain.NewReport(r, outcome, at, sources.policy(c))
	if err := e.write(report); err != nil {
		return failed(err)
	}
	if e.expects && !report.Verdict.Is(e.expect) {
		return failed(fmt.Errorf("expected %s, got %s", e.expect, &report.Verdict))
	}
	return nil
}

func (e *explanation) write(r *explain.Report) error {
	out := e.command.OutOrStdout()
	if e.json {
		return r.WriteJSON(out)
	}
	return r.WriteText(out, hasColours(out, os.LookupEnv))
}

// hasColours reports whether what is written is read on a terminal that has colours,
// by someone who wants them (https://no-color.org).
func hasColours(out io.Writer, lookupEnv func(string) (string, bool)) bool {
	file, isFile := out.(*os.File)
	if noColor, _ := lookupEnv("NO_COLOR"); !isFile || noColor != "" {
		return false
	}
	terminal, _ := lookupEnv("TERM")
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0 && terminal != "dumb" && terminal != ""
}

// parseMoment reads a time, or how far it is from now; "" is now.
func parseMoment(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return now, nil
	}
	if distance, err := time.ParseDuration(text); err == nil {
		return now.Add(distance), nil
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return at, fmt.Errorf("--at %s: use a time such as 2026-11-22T10:30:00Z, or a distance such as -10m", text)
	}
	return at, nil
}

// request reads what is asked about.
func (e *explanation) request(arguments []string) (*explain.Request, error) {
	if e.isCur {
		if len(arguments) > 0 || e.fields != nil || e.hasData {
			return nil, errors.New("--curl says all of the request: leave out METHOD, URL, -H and -d")
		}
		return explain.ParseCurl(e.curl, explain.Surroundings{LookupEnv: os.LookupEnv, ReadFile: e.readFile})
	}
	if len(arguments) != 2 {
		return nil, errors.New("name a METHOD and a URL, or use --curl")
	}
	r, err := explain.ParseRequest(arguments[0], arguments[1])
	if err != nil {
		return nil, err
	}
	for _, line := range e.fields {
		if err := r.AddField(line); err != nil {
			return nil, err
		}
	}
	if !e.hasData {
		return r, nil
	}
	body := []byte(e.data)
	if name, isFile := strings.CutPrefix(e.data, "@"); isFile {
		if body, err = e.readFile(name); err != nil {
			return nil, err
		}
	}
	r.SetBody(body)
	return r, nil
}

// maxInputBytes bounds a body and a key set that are read.
const maxInputBytes = 64 << 20

// readFile reads a file, or the input for "-".
func (e *explanation) readFile(name string) ([]byte, error) {
	in := e.command.InOrStdin()
	if name != "-" {
		file, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer file.Close()
		in = file
	}
	data, err := io.ReadAll(io.LimitReader(in, maxInputBytes+1))
	if err == nil && len(data) > maxInputBytes {
		err = fmt.Errorf("%s is larger than %d bytes", name, maxInputBytes)
	}
	return data, err
}
