package nxapi

import (
	"bytes"
	"context"
	"mime"
	"net/http"
	"os"
	"strings"

	"trunkline/cli/session"
	"trunkline/feature"
)

// request is a request that has been read.
type request struct {
	orders []session.Order
	policy session.Policy
	form   form
}

// form makes a reply of what became of the orders.
type form interface {
	reply(answers []session.Answer) *reply
}

// parse reads a request, or answers what is none. What it is shows in the body
// first, as clients say many things of it in the header.
func (s *Server) parse(contentType string, body []byte) (*request, *reply) {
	kind, _, _ := mime.ParseMediaType(contentType) // "" for what is none
	body = bytes.TrimSpace(bytes.TrimPrefix(body, []byte("\ufeff")))
	switch {
	case strings.HasSuffix(kind, "json-rpc") || len(body) > 0 && body[0] == '[' || looksLikeRPC(body):
		return parseRPC(body, s.limits.Commands)
	case len(body) > 0 && body[0] == '<' || len(body) == 0 && strings.HasSuffix(kind, "xml"):
		return parseXML(body, s.limits.Commands)
	}
	return parseJSON(body, s.limits.Commands)
}

// run runs the orders of a request in a session of its user, and makes the reply,
// which is kept until it is taken.
func (s *Server) run(ctx context.Context, who feature.Identity, remote string, q *request) (out *reply, taken func(), no *refusal) {
	var answers []session.Answer
	if len(q.orders) > 0 {
		done, no := s.gate.start(ctx, who)
		if no != nil {
			return nil, nil, no
		}
		defer done()
		var ok bool
		if answers, ok = s.execute(ctx, who, remote, q); !ok {
			return nil, nil, &refusal{http.StatusUnauthorized, errChanged.Error()}
		}
	}
	out = q.form.reply(answers)
	return out, s.gate.keep(who, len(out.body)), nil
}

// execute runs the orders, unless the user is not who he was.
func (s *Server) execute(ctx context.Context, who feature.Identity, remote string, q *request) (answers []session.Answer, ok bool) {
	ctx, left, ok := s.watch(ctx, who)
	if !ok {
		return nil, false
	}
	defer left()
	late, cancel := context.WithTimeout(ctx, s.limits.Run)
	defer cancel()
	from := address(remote)
	c := s.cfg.CLI.Session(session.Options{Who: feature.Session{
		User: who.User, Role: who.Role, From: from + "@nxapi", Address: from, PID: os.Getpid(),
	}})
	answers = c.Orders(late, q.orders, q.policy, s.limits.Output)
	dismissed(ctx, answers)
	for _, a := range answers {
		if a.Cause == session.Internal {
			s.cfg.Log.Error("NX-API command panicked", "user", who.User, "from", from, "panic", a.Panic)
		}
	}
	return answers, true
}

// policies are the values of rollback.
var policies = map[string]session.Policy{
	"": session.StopOnError, "stop-on-error": session.StopOnError, "continue-on-error": session.ContinueOnError,
	"rollback-on-error": session.RollbackOnError,
}

// split returns the commands of an input: they are separated by a semicolon
// after a blank, outside of quotes, and by ends of lines.
func split(input string) []string {
	var all []string
	add := func(text string) {
		if text = strings.TrimSpace(text); text != "" {
			all = append(all, text)
		}
	}
	for line := range strings.Lines(input) {
		begin, quoted := 0, false
		for i := range len(line) {
			first := i == 0 || line[i-1] == ' ' || line[i-1] == '\t'
			switch {
			case line[i] == '"' && (quoted || first):
				quoted = !quoted
			case line[i] == ';' && !quoted && first:
				add(line[begin:i])
				begin = i + 1
			}
		}
		add(line[begin:])
	}
	return all
}

// text is what a command printed, as JSON and XML can have it.
func text(output []byte) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' && r != '\t' || r == 0xfffe || r == 0xffff {
			return -1
		}
		return r
	}, strings.ToValidUTF8(string(output), "\ufffd"))
}
