package nxapi

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"trunkline/cli/render"
	"trunkline/cli/session"
)

// The envelope ins_api: one request with all commands in one text.

// field is a value of the envelope, which clients write as a string or as a
// number.
type field string

// UnmarshalJSON implements json.Unmarshaler.
func (f *field) UnmarshalJSON(b []byte) error {
	var s string
	switch {
	case string(b) == "null":
	case b[0] == '"':
		if err := json.Unmarshal(b, &s); err != nil {
			return err
		}
	case b[0] == '{' || b[0] == '[':
		return errors.New("a value is an object or a list")
	default:
		s = string(b)
	}
	*f = field(s)
	return nil
}

// envelope is a request.
type envelope struct {
	XMLName  xml.Name `json:"-" xml:"ins_api"`
	Version  field    `json:"version" xml:"version"`
	Type     field    `json:"type" xml:"type"`
	Chunk    field    `json:"chunk" xml:"chunk"`
	SID      field    `json:"sid" xml:"sid"`
	Input    field    `json:"input" xml:"input"`
	Format   field    `json:"output_format" xml:"output_format"`
	Rollback field    `json:"rollback" xml:"rollback"`
}

func parseJSON(body []byte, limit int) (*request, *reply) {
	var v struct {
		API *envelope `json:"ins_api"`
	}
	ins := &ins{}
	if err := json.Unmarshal(body, &v); err != nil {
		return nil, ins.refuse(http.StatusBadRequest, invalid, err.Error())
	}
	if v.API == nil {
		return nil, ins.refuse(http.StatusBadRequest, invalid, "there is no ins_api")
	}
	return ins.request(v.API, limit)
}

func parseXML(body []byte, limit int) (*request, *reply) {
	ins := &ins{xml: true}
	var e envelope
	if err := xml.Unmarshal(body, &e); err != nil {
		return nil, ins.refuse(http.StatusBadRequest, invalid, err.Error())
	}
	if e.Format == "" {
		e.Format = "xml"
	}
	return ins.request(&e, limit)
}

// A result is a code of NX-API with its message.
type result struct{ code, msg string }

// Results.
var (
	success       = result{"200", "Success"}
	invalid       = result{"400", "Request message is invalid"}
	badCommand    = result{"400", "Input CLI command error"}
	badExecution  = result{"400", "CLI execution error"}
	noInput       = result{"400", "No input command"}
	badVersion    = result{"400", "Message version mismatch"}
	eocNotAllowed = result{"400", "The eoc value is not allowed as session Id in the request"}
	oneChunk      = result{"400", "Chunking only allowed to one command"}
	confNoShow    = result{"405", "Configuration mode does not allow show"}
	showNoConf    = result{"405", "Show mode does not allow configuration"}
	tooLarge      = result{"413", "Response size too large"}
	tooMany       = result{"413", "Maximum number of consecutive commands exceeded"}
	backend       = result{"500", "Backend processing error"}
	noBash        = result{"501", "Bash command not supported"}
	xmlChunks     = result{"501", "Chunking allows only XML output"}
	noType        = result{"501", "Message type not supported"}
	noPipe        = result{"501", "Pipe operation not supported"}
	noStructure   = result{"501", "Structured output unsupported"}
)

// messages are the types of an envelope.
var messages = map[field]struct {
	only       session.Only
	json       render.Format
	structured bool
}{
	"cli_show":       {session.Exec, render.JSON, true},
	"cli_show_array": {session.Exec, render.Array, true},
	"cli_show_ascii": {session.Exec, render.Text, false},
	"cli_conf":       {session.Configuration, render.Text, false},
}

// ins is the form of replies to an envelope.
type ins struct {
	xml      bool
	version  string
	kind     field
	shows    bool // of structure
	commands []string
}

// request makes orders of an envelope.
func (i *ins) request(e *envelope, limit int) (*request, *reply) {
	i.xml = strings.EqualFold(strings.TrimSpace(string(e.Format)), "xml")
	i.version, i.kind = text([]byte(e.Version)), field(text([]byte(strings.TrimSpace(string(e.Type)))))
	i.commands = split(string(e.Input))
	m, known := messages[i.kind]
	policy, ok := policies[strings.TrimSpace(string(e.Rollback))]
	major, _, _ := strings.Cut(i.version, ".")
	chunked := e.Chunk != "" && e.Chunk != "0"
	var why result
	var detail string
	switch {
	case i.kind == "bash":
		why = noBash
	case !known:
		why = noType
	case major != "0" && major != "1" && major != "":
		why = badVersion
	case !ok:
		why, detail = invalid, "rollback is stop-on-error, continue-on-error or rollback-on-error"
	case e.SID == "eoc":
		why = eocNotAllowed
	case len(i.commands) == 0:
		why = noInput
	case len(i.commands) > limit:
		why, detail = tooMany, fmt.Sprintf("at most %d", limit)
	case chunked && len(i.commands) > 1:
		why = oneChunk
	case chunked && !i.xml:
		why = xmlChunks
	}
	if why != (result{}) {
		return nil, i.refuse(http.StatusOK, why, detail)
	}
	o := session.Order{Only: m.only, Format: m.json}
	if i.shows = m.structured; i.shows && i.xml {
		o.Format = render.Fragment
	}
	q := &request{policy: policy, form: i}
	for _, c := range i.commands {
		o.Line = c
		q.orders = append(q.orders, o)
	}
	return q, nil
}

// output is what became of one command.
type output struct {
	Input string          `json:"input,omitempty"`
	Msg   string          `json:"msg"`
	Code  string          `json:"code"`
	Error string          `json:"clierror,omitempty"`
	Body  json.RawMessage `json:"body,omitempty"`

	xml []byte // the body, in XML
}

// refuse answers an envelope whose commands are not run.
func (i *ins) refuse(status int, why result, detail string) *reply {
	o := output{Input: text([]byte(strings.Join(i.commands, " ;"))), Msg: why.msg, Code: why.code, Error: text([]byte(detail))}
	return i.write(status, []output{o}, false)
}

// reply implements form.
func (i *ins) reply(answers []session.Answer) *reply {
	all := make([]output, len(answers))
	for n, a := range answers {
		all[n] = i.output(i.commands[n], a)
	}
	return i.write(http.StatusOK, all, len(all) > 1)
}

// output is the answer to a command.
func (i *ins) output(command string, a session.Answer) output {
	why := i.result(a)
	o := output{Input: text([]byte(command)), Msg: why.msg, Code: why.code}
	switch {
	case why != success:
		o.Error = text(a.Output)
	case i.shows && a.Kind == session.Shows && i.xml:
		o.xml = a.Output
	case i.shows && a.Kind == session.Shows:
		o.Body = bodies(structure(a.Output))
	case i.xml:
		o.xml = cdata(text(a.Output))
	case len(a.Output) > 0 || i.kind == "cli_show_ascii":
		o.Body = quoted(text(a.Output))
	default:
		o.Body = json.RawMessage("{}")
	}
	return o
}

// structure is the body of JSON that a command printed.
func structure(output []byte) json.RawMessage {
	if output = bytes.TrimSpace(output); len(output) == 0 {
		return json.RawMessage("{}")
	}
	return output
}

// result is the code of an answer.
func (i *ins) result(a session.Answer) result {
	switch a.Cause {
	case session.Succeeded:
		return success
	case session.Syntax:
		if i.kind != "cli_conf" {
			return badCommand
		}
	case session.Unstructured:
		return noStructure
	case session.Filtered:
		return noPipe
	case session.ShowRefused:
		return confNoShow
	case session.LineRefused:
		return showNoConf
	case session.TooLong:
		return tooLarge
	case session.Late, session.Internal:
		return backend
	}
	return badExecution
}

// write makes a reply: a list of outputs for several commands.
func (i *ins) write(status int, all []output, list bool) *reply {
	if i.xml {
		return i.writeXML(status, all)
	}
	var outputs any = all[0]
	if list {
		outputs = all
	}
	var v struct {
		API struct {
			Type    field  `json:"type"`
			Version string `json:"version"`
			SID     string `json:"sid"`
			Outputs struct {
				Output any `json:"output"`
			} `json:"outputs"`
		} `json:"ins_api"`
	}
	v.API.Type, v.API.Version, v.API.SID = i.kind, i.version, "eoc"
	v.API.Outputs.Output = outputs
	return &reply{status, "application/json; charset=utf-8", encode(v)}
}

// writeXML writes the reply without naming its encoding, which is that of XML:
// clients give it to parsers as text that is decoded already.
func (i *ins) writeXML(status int, all []output) *reply {
	var b bytes.Buffer
	element := func(name, value string) {
		b.WriteString("<" + name + ">")
		var text strings.Builder
		_ = xml.EscapeText(&text, []byte(value)) // a Builder does not fail
		b.WriteString(strings.ReplaceAll(text.String(), "&#xA;", "\n") + "</" + name + ">\n")
	}
	b.WriteString("<?xml version=\"1.0\"?>\n<ins_api>\n")
	element("type", string(i.kind))
	element("version", i.version)
	element("sid", "eoc")
	b.WriteString("<outputs>\n")
	for _, o := range all {
		b.WriteString("<output>\n")
		switch {
		case o.Code != success.code:
			if o.Error != "" {
				element("clierror", o.Error)
			}
		default:
			b.WriteString("<body>")
			b.Write(o.xml)
			b.WriteString("</body>\n")
		}
		element("input", o.Input)
		element("msg", o.Msg)
		element("code", o.Code)
		b.WriteString("</output>\n")
	}
	b.WriteString("</outputs>\n</ins_api>\n")
	return &reply{status, "text/xml; charset=utf-8", b.Bytes()}
}

// cdata is a text in XML, as people can read it.
func cdata(s string) []byte {
	if s == "" {
		return nil
	}
	return []byte("<![CDATA[" + strings.ReplaceAll(s, "]]>", "]]]]><![CDATA[>") + "]]>")
}

// encode is a value as JSON.
func encode(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil { // a command has printed something else than JSON
		return []byte(`{"error": "internal error"}`)
	}
	return b.Bytes()
}

func quoted(s string) json.RawMessage { return bytes.TrimSpace(encode(s)) }
