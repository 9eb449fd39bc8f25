// Package gate makes the one decision of the program: may this request pass,
// as whom, and what does the upstream hear of it.
//
// [Gate.Decide] goes through fixed stages: refuse what can be read in two ways,
// match the route, find and verify the credential, hold the request to the
// consistency rules. What follows from the decision is in its methods:
// [Decision.Outbound] edits the headers of an allowed request, [Decision.Answer]
// renders a refusal, and [Decision.AnswerPreflight] what a browser wants to know
// before a page may make its request.
//
// The package writes no HTTP, metric or log, reads no clock and keeps nothing
// of a request, so that whoever asks (the proxy, a test, an explanation) gets
// the same decision.
package gate
