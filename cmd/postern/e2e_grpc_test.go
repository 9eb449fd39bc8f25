package main

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

const grpcYAML = `
server: { listen: "127.0.0.1:0", shutdown_delay: 0s, h2c: true }
admin: { listen: "127.0.0.1:0" }
upstreams: { chat: { url: "h2c://${CHAT}" } }
authenticators:
  app: { type: token, scheme: Token, tokens: [{ id: a, value: t, attributes: { user: ann } }], customer_id: attributes.user }
identity_headers: { X-Customer-Id: "{customer_id}" }
routes: [{ name: chat, match: POST /chat.Chat/, upstream: chat, authenticate: [app] }]
`

// grpcChat is a service of gRPC, which ends each call with the status that it is
// asked for.
type grpcChat struct {
	ended chan error // of a stream: why
}

var grpcService = grpc.ServiceDesc{
	ServiceName: "chat.Chat",
	HandlerType: (*any)(nil),
	Methods: []grpc.MethodDesc{{MethodName: "Say", Handler: func(s any, ctx context.Context, read func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
		said := new(wrapperspb.StringValue)
		if err := read(said); err != nil {
			return nil, err
		}
		return s.(*grpcChat).say(ctx, said.Value)
	}}},
	Streams: []grpc.StreamDesc{{StreamName: "Listen", ServerStreams: true, Handler: func(s any, stream grpc.ServerStream) error {
		said := new(wrapperspb.StringValue)
		if err := stream.RecvMsg(said); err != nil {
			return err
		}
		return s.(*grpcChat).listen(stream, said.Value)
	}}},
}

// say answers with what it heard and from whom.
func (c *grpcChat) say(ctx context.Context, text string) (*wrapperspb.StringValue, error) {
	from, _ := metadata.FromIncomingContext(ctx)
	if err := grpc.SetTrailer(ctx, metadata.Pairs("x-heard", text)); err != nil {
		return nil, err
	}
	if text == "nobody" {
		return nil, status.Error(codes.NotFound, "no such room: ü")
	}
	return wrapperspb.String(strings.Join(from["x-customer-id"], ",") + ": " + text), nil
}

// listen sends two messages, and more once the client has gone.
func (c *grpcChat) listen(stream grpc.ServerStream, text string) error {
	for _, message := range []string{text, text + " again"} {
		if err := stream.SendMsg(wrapperspb.String(message)); err != nil {
			return err
		}
	}
	if text == "wait" {
		<-stream.Context().Done()
		c.ended <- stream.Context().Err()
		return nil
	}
	stream.SetTrailer(metadata.Pairs("x-heard", text))
	return status.Error(codes.ResourceExhausted, "enough")
}

// newGRPC starts the service behind a Postern, and returns a connection to that.
func newGRPC(t *testing.T) (*testbed, *grpcChat, *grpc.ClientConn) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	chat, server := &grpcChat{ended: make(chan error, 1)}, grpc.NewServer()
	server.RegisterService(&grpcService, chat)
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	t.Cleanup(func() {
		server.Stop()
		if err := await(t, "the end of the service", served); err != nil {
			t.Error(err)
		}
	})
	b := start(t, grpcYAML, map[string]string{"CHAT": l.Addr().String()})
	connection, err := grpc.NewClient("passthrough:///"+b.address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { connection.Close() })
	return b, chat, connection
}

// calling is the context of a call with metadata, in pairs.
func calling(t *testing.T, pairs ...string) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return metadata.AppendToOutgoingContext(ctx, pairs...)
}

// A call of gRPC that is let through comes to its service and back as without a
// proxy between them: messages, status and trailers. One that is refused has the
// status that gRPC has for it.
func TestGRPCUnary(t *testing.T) {
	b, _, connection := newGRPC(t)
	type result struct {
		Message string
		Code    codes.Code
		Text    string
		Heard   []string // in the trailer
	}
	for name, test := range map[string]struct {
		pairs  []string
		method string
		say    string
		want   result
	}{
		"let through": {[]string{"authorization", "Token t", "x-customer-id", "eve"}, "/chat.Chat/Say", "hello",
			result{"ann: hello", codes.OK, "", []string{"hello"}}},
		"refused by the service": {[]string{"authorization", "Token t"}, "/chat.Chat/Say", "nobody",
			result{"", codes.NotFound, "no such room: ü", []string{"nobody"}}},
		"a method that it has not": {[]string{"authorization", "Token t"}, "/chat.Chat/Shout", "hello",
			result{"", codes.Unimplemented, "unknown method Shout for service chat.Chat", nil}},
		"no credential":      {nil, "/chat.Chat/Say", "hello", result{Code: codes.Unauthenticated}},
		"another credential": {[]string{"authorization", "Token u"}, "/chat.Chat/Say", "hello", result{Code: codes.Unauthenticated}},
		"no route":           {[]string{"authorization", "Token t"}, "/other.Chat/Say", "hello", result{Code: codes.Unimplemented}},
	} {
		var trailer metadata.MD
		answer := new(wrapperspb.StringValue)
		err := connection.Invoke(calling(t, test.pairs...), test.method, wrapperspb.String(test.say), answer, grpc.Trailer(&trailer))
		got := result{answer.Value, status.Code(err), status.Convert(err).Message(), trailer["x-heard"]}
		if test.want.Text == "" && err != nil {
			got.Text = "" // gRPC's own words for a status of HTTP
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s%v", name, diff, err)
		}
		if logged := b.log.next(t, "request"); logged["method"] != "POST" {
			t.Errorf("%s: logged %v", name, logged)
		}
	}
}

// Messages of a stream come one by one, and its status last; a client that leaves
// ends it at the service.
func TestGRPCServerStream(t *testing.T) {
	b, chat, connection := newGRPC(t)
	listen := func(ctx context.Context, text string) grpc.ClientStream {
		t.Helper()
		stream, err := connection.NewStream(ctx, &grpcService.Streams[0], "/chat.Chat/Listen")
		if err == nil {
			err = stream.SendMsg(wrapperspb.String(text))
		}
		if err == nil {
			err = stream.CloseSend()
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{text, text + " again"} {
			got := new(wrapperspb.StringValue)
			if err := stream.RecvMsg(got); err != nil || got.Value != want {
				t.Fatalf("%q, %v, want %q", got.Value, err, want)
			}
		}
		return stream
	}
	stream := listen(calling(t, "authorization", "Token t"), "hello")
	err := stream.RecvMsg(new(wrapperspb.StringValue))
	if got := status.Convert(err); got.Code() != codes.ResourceExhausted || got.Message() != "enough" {
		t.Errorf("ended with %v", err)
	}
	if diff := cmp.Diff([]string{"hello"}, stream.Trailer()["x-heard"]); diff != "" {
		t.Error(diff)
	}

	ctx, cancel := context.WithCancel(calling(t, "authorization", "Token t"))
	stream = listen(ctx, "wait")
	cancel()
	if err := await(t, "the end of the stream", chat.ended); err != context.Canceled {
		t.Errorf("the service was told %v", err)
	}
	if err := stream.RecvMsg(new(wrapperspb.StringValue)); errors.Is(err, io.EOF) || status.Code(err) != codes.Canceled {
		t.Errorf("the client was told %v", err)
	}
	eventually(t, "no request in flight", func() bool { return b.metrics("in_flight_requests")["in_flight_requests"] == 0 })
}
