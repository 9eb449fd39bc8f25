package demo

import (
	"fmt"
	"io"
	"strings"
)

// Print shows what runs where, and the requests of the story with the answer
// to expect. proxy and admin are the addresses of the proxy.
func (w *World) Print(out io.Writer, proxy, admin string, cases []Case) error {
	var b strings.Builder
	fmt.Fprintf(&b, "Postern is running, with all that it needs, on this machine alone:\n\n")
	for _, line := range []struct{ what, where string }{
		{"proxy", "http://" + proxy},
		{"admin", "http://" + admin + "/metrics"},
		{"chat backend", "http://" + w.sites[chatAddress].address},
		{"data backend", "http://" + w.sites[dataAddress].address},
		{"identity provider", w.issuerURL() + ".well-known/jwks.json"},
	} {
		fmt.Fprintf(&b, "  %-18s %s\n", line.what, line.where)
	}
	fmt.Fprintf(&b, "\nPaste these requests into another terminal. The backends answer with what they were told.\n")
	number := 0
	for i := range cases {
		c := &cases[i]
		if c.Story == "" {
			continue
		}
		number++
		fmt.Fprintf(&b, "\n%d. %s\n   Expect %s\n\n%s\n", number, c.Story, c.Want.expectation(), c.Curl(proxy))
	}
	fmt.Fprintf(&b, `
The widget's tokens live for %.0f minutes, the customer's for %.0f. Fresh ones:

curl %[3]stokens/widget
curl %[3]stokens/customer

postern demo --check sends these requests and more, and postern demo --print-config
shows the configuration behind them. Press Ctrl-C to stop.
`, widgetLifetime.Minutes(), customerLifetime.Minutes(), w.issuerURL())
	_, err := io.WriteString(out, b.String())
	return err
}

// expectation says the outcome in a sentence.
func (o Outcome) expectation() string {
	if o.Reason != "" {
		return fmt.Sprintf("%d %s.", o.Status, o.Reason)
	}
	return fmt.Sprintf("%d: %s.", o.Status, o.Heard)
}
