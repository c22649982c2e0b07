package nxapi

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"trunkline/cli/render"
	"trunkline/cli/session"
)

// JSON-RPC 2.0: one command in each call.

// call is one call.
type call struct {
	Version  string          `json:"jsonrpc"`
	Method   string          `json:"method"`
	Params   json.RawMessage `json:"params"`
	ID       json.RawMessage `json:"id"`
	Rollback string          `json:"rollback"`
}

// methods are what can be called.
var methods = map[string]render.Format{"cli": render.JSON, "cli_array": render.Array, "cli_ascii": render.Text}

// failure is the error of a call.
type failure struct {
	Code    int      `json:"code"`
	Message string   `json:"message"`
	Data    *message `json:"data,omitempty"`
}

type message struct {
	Msg string `json:"msg"`
}

// Errors of JSON-RPC. A command that fails is a wrong parameter.
func parseError(why string) *failure {
	return &failure{-32700, "Parse error", &message{why}}
}
func invalidRequest(why string) *failure {
	return &failure{-32600, "Invalid request", &message{why}}
}
func noMethod(name string) *failure {
	return &failure{-32601, "Method not found", &message{"the methods are cli, cli_ascii and cli_array, not " + name}}
}
func invalidParams(why string) *failure {
	return &failure{-32602, "Invalid params", &message{why}}
}
func internalError(why string) *failure {
	return &failure{-32603, "Internal error", &message{why}}
}

// rpc is the form of replies to calls.
type rpc struct {
	calls []parsed
}

// parsed is a call as far as it could be read.
type parsed struct {
	id     json.RawMessage // nil for none
	wrong  *failure
	format render.Format
	order  int // its index among the orders, -1 for none
}

// looksLikeRPC reports whether a body that does not say so is a call.
func looksLikeRPC(body []byte) bool {
	if !bytes.Contains(body, []byte(`"jsonrpc"`)) {
		return false
	}
	var v struct {
		Version json.RawMessage `json:"jsonrpc"`
		API     json.RawMessage `json:"ins_api"`
	}
	return json.Unmarshal(body, &v) == nil && v.API == nil && v.Version != nil
}

func parseRPC(body []byte, limit int) (*request, *reply) {
	f := &rpc{}
	refuse := func(why *failure) (*request, *reply) {
		return nil, &reply{http.StatusOK, rpcType, encode(answer{Version: "2.0", Error: why, ID: null})}
	}
	raw := []json.RawMessage{body}
	if len(body) > 0 && body[0] == '[' {
		raw = nil
		if err := json.Unmarshal(body, &raw); err != nil {
			return refuse(parseError(err.Error()))
		}
	} else if !json.Valid(body) {
		return refuse(parseError("the request is no JSON"))
	}
	switch {
	case len(raw) == 0:
		return refuse(invalidRequest("there is no call"))
	case len(raw) > limit:
		return refuse(invalidRequest(fmt.Sprintf("more than %d calls", limit)))
	}
	q := &request{form: f}
	for _, r := range raw {
		p, line := parseCall(r, q)
		if p.wrong == nil {
			p.order = len(q.orders)
			q.orders = append(q.orders, session.Order{Line: line, Format: p.format})
		} else if q.policy != session.ContinueOnError {
			// What it would have been is not known, so what follows might not be
			// what is meant.
			f.calls = append(f.calls, p)
			return f.stop(q, raw[len(f.calls):])
		}
		f.calls = append(f.calls, p)
	}
	return q, nil
}

// stop ends the orders of a request at a call that cannot be read.
func (f *rpc) stop(q *request, rest []json.RawMessage) (*request, *reply) {
	for _, r := range rest {
		p, _ := parseCall(r, &request{})
		if p.wrong == nil {
			p.wrong = invalidParams("Not executed: a call before it cannot be read.")
		}
		f.calls = append(f.calls, p)
	}
	if q.policy == session.RollbackOnError {
		q.orders = nil
		for i := range f.calls {
			if f.calls[i].wrong == nil {
				f.calls[i].wrong, f.calls[i].order = invalidParams("Not executed: a call after it cannot be read."), -1
			}
		}
	}
	return q, nil
}

// parseCall reads a call and its command. What it says of rollback holds for the
// request.
func parseCall(raw json.RawMessage, q *request) (p parsed, line string) {
	p.order = -1
	var c call
	if json.Unmarshal(raw, &c) != nil {
		p.id, p.wrong = null, invalidRequest("a call is an object with jsonrpc, method, params and id")
		return p, ""
	}
	switch {
	case c.ID == nil:
	case c.ID[0] == '{' || c.ID[0] == '[' || c.ID[0] == 't' || c.ID[0] == 'f':
		p.id, p.wrong = null, invalidRequest("an id is a string or a number")
		return p, ""
	default:
		p.id = c.ID
	}
	policy, ok := policies[c.Rollback]
	format, known := methods[c.Method]
	p.format = format
	switch {
	case c.Version != "2.0":
		p.wrong = invalidRequest("jsonrpc is not 2.0")
	case c.Method == "":
		p.wrong = invalidRequest("there is no method")
	case !known:
		p.wrong = noMethod(text([]byte(c.Method)))
	case !ok:
		p.wrong = invalidParams("rollback is stop-on-error, continue-on-error or rollback-on-error")
	default:
		if c.Rollback != "" {
			q.policy = policy
		}
		line, p.wrong = command(c.Params)
	}
	if p.id == nil && (c.Version != "2.0" || c.Method == "") {
		p.id = null // it is no notification either
	}
	return p, line
}

// command is that of a call's parameters.
func command(params json.RawMessage) (string, *failure) {
	var v struct {
		Cmd     *string `json:"cmd"`
		Version field   `json:"version"`
	}
	if len(params) == 0 || json.Unmarshal(params, &v) != nil || v.Cmd == nil {
		return "", invalidParams("params holds no cmd that is a string")
	}
	major, _, _ := strings.Cut(string(v.Version), ".")
	switch {
	case major != "" && major != "0" && major != "1":
		return "", invalidParams(badVersion.msg)
	case strings.TrimSpace(*v.Cmd) == "":
		return "", invalidParams(noInput.msg)
	}
	return strings.TrimSpace(*v.Cmd), nil
}

const rpcType = "application/json-rpc; charset=utf-8"

var null = json.RawMessage("null")

// answer is the answer to a call.
type answer struct {
	Version string          `json:"jsonrpc"`
	Result  json.RawMessage `json:"result,omitempty"`
	Error   *failure        `json:"error,omitempty"`
	ID      json.RawMessage `json:"id"`
}

// reply implements form: an object for one call, a list for several, nothing for
// calls that want no answer.
func (f *rpc) reply(answers []session.Answer) *reply {
	var all []answer
	for _, c := range f.calls {
		if c.id == nil {
			continue
		}
		a := answer{Version: "2.0", Error: c.wrong, ID: c.id}
		if c.wrong == nil {
			a.Result, a.Error = c.outcome(answers[c.order])
		}
		all = append(all, a)
	}
	switch {
	case len(all) == 0:
		return &reply{status: http.StatusNoContent}
	case len(f.calls) == 1:
		return &reply{http.StatusOK, rpcType, encode(all[0])}
	}
	return &reply{http.StatusOK, rpcType, encode(all)}
}

// outcome is the result of a call, or its error.
func (p parsed) outcome(a session.Answer) (json.RawMessage, *failure) {
	said := text(a.Output)
	switch a.Cause {
	case session.Succeeded:
	case session.Internal, session.Late:
		return nil, internalError(said)
	case session.Unstructured:
		return nil, invalidParams(noStructure.msg + ": use cli_ascii.")
	case session.Filtered:
		return nil, invalidParams(noPipe.msg + ": use cli_ascii.")
	default:
		return nil, invalidParams(said)
	}
	if a.Kind == session.Shows && p.format != render.Text {
		if s := structure(a.Output); string(s) != "{}" {
			return encode(map[string]json.RawMessage{"body": bodies(s)}), nil
		}
		return null, nil
	}
	if a.Kind == session.Shows || said != "" {
		return encode(message{said}), nil
	}
	return null, nil
}

// bodies is what the commands of one line show: that of one as it is, a list for
// several.
func bodies(s json.RawMessage) json.RawMessage {
	if json.Valid(s) {
		return s
	}
	var all []json.RawMessage
	for d := json.NewDecoder(bytes.NewReader(s)); d.More(); {
		var v json.RawMessage
		if d.Decode(&v) != nil {
			return quoted(text(s))
		}
		all = append(all, v)
	}
	return encode(all)
}
