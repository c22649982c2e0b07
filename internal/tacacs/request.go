package tacacs

import (
	"encoding/binary"
	"errors"
	"strings"
	"unicode/utf8"
)

// Limits of what a request says, in bytes (RFC 8907 §5.1, §6.1): its lengths are
// of one byte.
const (
	maxField    = 255
	maxArgs     = 255
	MaxPassword = 255 // where it is the data of the first packet; else 65535
)

// ErrTooLong is the answer to what no request can say.
var ErrTooLong = errors.New("too long for a TACACS+ request")

// Who is about whom a request is.
type Who struct {
	User string
	// Port is the line that he is at, Remote where he comes from (RFC 8907 §5.1).
	Port, Remote string
	// Level is his privilege level, 0 to 15.
	Level uint8
}

// Values of the fixed parts of requests (RFC 8907 §5.1, §6.1).
const (
	actionLogin  = 0x01
	typeASCII    = 0x01
	typePAP      = 0x02
	serviceLogin = 0x01
	methodTacacs = 0x06
)

// fits reports whether texts can be in a request.
func fits(texts ...string) bool {
	for _, t := range texts {
		if len(t) > maxField {
			return false
		}
	}
	return true
}

// authenStart is the body that begins a login.
func authenStart(who Who, kind uint8, data string) ([]byte, error) {
	if !fits(who.User, who.Port, who.Remote, data) || who.User == "" {
		return nil, ErrTooLong
	}
	b := []byte{
		actionLogin, who.Level, kind, serviceLogin,
		uint8(len(who.User)), uint8(len(who.Port)), uint8(len(who.Remote)), uint8(len(data)),
	}
	return append(b, who.User+who.Port+who.Remote+data...), nil
}

// authenContinue is the body that answers a server's question.
func authenContinue(text string) ([]byte, error) {
	if len(text) > 1<<16-1 {
		return nil, ErrTooLong
	}
	b := binary.BigEndian.AppendUint16(nil, uint16(len(text)))
	b = append(b, 0, 0, 0) // no data, no flags
	return append(b, text...), nil
}

// request is what questions for rights and records have in common (RFC 8907 §6.1,
// §7.1).
func request(b []byte, who Who, args []string) ([]byte, error) {
	if !fits(who.User, who.Port, who.Remote) || !fits(args...) || len(args) > maxArgs {
		return nil, ErrTooLong
	}
	b = append(b, methodTacacs, who.Level, typePAP, serviceLogin,
		uint8(len(who.User)), uint8(len(who.Port)), uint8(len(who.Remote)), uint8(len(args)))
	for _, a := range args {
		b = append(b, uint8(len(a)))
	}
	b = append(b, who.User+who.Port+who.Remote...)
	for _, a := range args {
		b = append(b, a...)
	}
	return b, nil
}

// Command are the arguments of a question for the right to a command, with its end
// as <cr> (RFC 8907 §6.1, §8.2).
func Command(line string) []string {
	words := strings.Fields(line)
	if len(words) == 0 {
		return nil
	}
	args := []string{"service=shell", "cmd=" + words[0]}
	for _, w := range words[1:] {
		args = append(args, "cmd-arg="+w)
	}
	return append(args, "cmd-arg=<cr>")
}

// Done are the arguments of a record of a command: the line as one, and what does
// not fit into that in further ones.
func Done(line string) []string {
	args := []string{"service=shell"}
	name := "cmd="
	for {
		n := min(len(line), maxField-len(name))
		for n > 0 && n < len(line) && !utf8.RuneStart(line[n]) {
			n--
		}
		if args = append(args, name+line[:n]); n == len(line) || n == 0 {
			return args
		}
		name, line = "cmd-arg=", line[n:]
	}
}

// Value returns the value of an argument of an answer, and whether the answer has
// it: name=value, or name*value where it need not be heeded.
func Value(args []string, name string) (string, bool) {
	for _, a := range args {
		if rest, ok := strings.CutPrefix(a, name); ok && rest != "" && (rest[0] == '=' || rest[0] == '*') {
			return rest[1:], true
		}
	}
	return "", false
}
