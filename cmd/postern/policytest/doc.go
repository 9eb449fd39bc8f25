// Package policytest tries the policy of a configuration: it reads files with
// cases, each a request, the credentials that it carries and what must come of it,
// and has the gate that serve would have decide about them. Credentials are made
// with throw-away keys ([config.Rehearse]), so that neither secrets nor a network
// are needed.
//
// [Read] reads a file, [File.Run] tries its cases, and [Report] tells what came of
// them, and what no case has tried.
package policytest
