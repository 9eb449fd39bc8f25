package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"reflect"
	"strings"
	"text/tabwriter"
	"time"
)

// requestTimeout bounds one request.
const requestTimeout = 10 * time.Second

// Check sends the cases to the proxy at an address, one after the other, and
// writes a table of what came of them, with all that can be known of those that
// failed below it. It returns an error unless each had the wanted outcome.
func (w *World) Check(ctx context.Context, out io.Writer, proxy string, cases []Case) error {
	client := &http.Client{
		// Without connections to keep, the proxy has none to wait for at its end.
		Transport:     &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Timeout:       requestTimeout,
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "REQUEST\tEXPECTED\tACTUAL\t")
	var failures strings.Builder
	failed := 0
	for i := range cases {
		c := &cases[i]
		got, err := w.send(ctx, client, proxy, c)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		verdict, actual := "ok", got.String()
		if err != nil {
			actual = err.Error()
		}
		if err != nil || !reflect.DeepEqual(got, c.Want) {
			verdict = "FAIL"
			failed++
			fmt.Fprintf(&failures, "\n%s\n  expected %s; %s\n  actual   %s; %s\n%s\n",
				c.Title, c.Want, c.Want.Heard, actual, got.Heard, c.Curl(proxy))
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", c.Title, c.Want, actual, verdict)
	}
	err := table.Flush()
	if err == nil {
		_, err = io.WriteString(out, failures.String())
	}
	if err != nil {
		return err
	}
	if failed > 0 {
		return fmt.Errorf("%d of %d requests were not answered as expected", failed, len(cases))
	}
	_, err = fmt.Fprintf(out, "\nAll %d requests were answered as expected.\n", len(cases))
	return err
}

// send returns what came of a case; with an error, as much as is known.
func (w *World) send(ctx context.Context, client *http.Client, proxy string, c *Case) (Outcome, error) {
	request, err := c.request(ctx, proxy)
	if err != nil {
		return Outcome{}, err
	}
	w.heard() // what somebody else may have sent is not this case's
	response, err := client.Do(request)
	if err != nil {
		return Outcome{Heard: w.heard()}, errors.Unwrap(err) // without the URL
	}
	defer response.Body.Close()
	got := Outcome{Status: response.StatusCode, Reason: response.Header.Get("Postern-Reason"), Heard: w.heard()}
	if got.Reason == "" {
		return got, nil
	}
	return got, checkDenial(response)
}

// maxProblem bounds the body of a denial.
const maxProblem = 64 << 10

// checkDenial holds a denial to what is true of every one: its parts say the
// same, nobody keeps it, and a 401 says what is wanted in place of what came.
func checkDenial(response *http.Response) error {
	var problem struct {
		Status       int    `json:"status"`
		Reason       string `json:"reason"`
		TokenExpired bool   `json:"token_expired"`
	}
	reason := response.Header.Get("Postern-Reason")
	if err := json.NewDecoder(io.LimitReader(response.Body, maxProblem)).Decode(&problem); err != nil {
		return fmt.Errorf("%s, but the body is no JSON", reason)
	}
	mediaType, _, _ := mime.ParseMediaType(response.Header.Get("Content-Type"))
	switch {
	case mediaType != "application/problem+json":
		return fmt.Errorf("%s, but of type %q", reason, mediaType)
	case problem.Status != response.StatusCode || problem.Reason != reason:
		return fmt.Errorf("%d %s, but %d %s in the body", response.StatusCode, reason, problem.Status, problem.Reason)
	case problem.TokenExpired != (reason == "token_expired"):
		return fmt.Errorf("%s, but token_expired is %t in the body", reason, problem.TokenExpired)
	case response.Header.Get("Cache-Control") != "no-store":
		return fmt.Errorf("%s, but not no-store", reason)
	case response.StatusCode == http.StatusUnauthorized && response.Header.Get("WWW-Authenticate") == "":
		return fmt.Errorf("%s, but no WWW-Authenticate", reason)
	}
	return nil
}
