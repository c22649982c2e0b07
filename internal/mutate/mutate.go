// Package mutate gives tests inputs that are near to good ones: the share of
// fuzzing that every run of the tests has, and, as it needs no instrumented
// binary and no process of its own, the way to very many executions.
//
// What the fuzz targets of go test look for with coverage, this does by numbers;
// both call the same function on an input.
package mutate

import (
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
)

// RunsVariable names the number of executions of each target, instead of Share.
const RunsVariable = "TRUNKLINE_FUZZRUNS"

// Share is how many executions a target has where nobody asks for more.
const Share = 2000

// maxLen bounds inputs; mutations of mutations do not grow beyond it.
const maxLen = 4096

// awkward are pieces that parsers stumble on.
var awkward = []string{
	"", "\x00", "\n", "\r\n", "\t", " ", "  ", "\"", "'", "\\", "|", " | ", ";", " ; ", ">", ">>", "!", "#", "$(", "${", "(", ")", "[", "]", "{", "}", "*", "+", "?", "^", "$", "{1000}", "((((", "(a*)*",
	"..", "../", "/", "//", "/./", ":", "-", "--", "-1", "0", "1", "255", "256", "4094", "4095", "65535", "65536", "2147483648", "4294967296", "18446744073709551616", "1e999",
	"\xff", "\xc0\x80", "\u00e9", "\u202e", "\ud7ff", "\x1b[2J", "\x7f", "%s", "%n", "<", "&amp;", "]]>", "null", "true",
}

// Source makes inputs.
type Source struct {
	r     *rand.Rand
	seeds []string
	words []string // of the seeds
}

// New returns a source that always gives the same inputs.
func New(seed uint64, seeds ...string) *Source {
	s := &Source{r: rand.New(rand.NewPCG(seed, 1)), seeds: seeds}
	for _, text := range seeds {
		s.words = append(s.words, strings.FieldsFunc(text, func(r rune) bool { return r <= ' ' || r == '/' || r == ',' || r == ':' })...)
	}
	return s
}

// Next returns an input: a seed with up to six changes.
func (s *Source) Next() string {
	b := []byte(s.seeds[s.r.IntN(len(s.seeds))])
	for range s.r.IntN(7) {
		b = s.change(b)
	}
	return string(b[:min(len(b), maxLen)])
}

func (s *Source) change(b []byte) []byte {
	at := s.r.IntN(len(b) + 1)
	end := min(len(b), at+1+s.r.IntN(8))
	put := func(piece string) []byte { return append(b[:at:at], append([]byte(piece), b[at:]...)...) }
	switch s.r.IntN(9) {
	case 0:
		return append(b[:at:at], b[end:]...)
	case 1:
		return put(string(b[at:end]))
	case 2:
		return put(strings.Repeat(string(b[at:end]), 1+s.r.IntN(64)))
	case 3:
		return put(awkward[s.r.IntN(len(awkward))])
	case 4:
		if len(s.words) > 0 {
			return put(" " + s.words[s.r.IntN(len(s.words))] + " ")
		}
		return b
	case 5:
		other := s.seeds[s.r.IntN(len(s.seeds))]
		return append(b[:at:at], other[s.r.IntN(len(other)+1):]...)
	case 6:
		return b[:at]
	case 7:
		return put(string([]byte{byte(s.r.Uint32())}))
	default:
		if at < len(b) {
			b = append([]byte(nil), b...)
			b[at] ^= 1 << s.r.IntN(8)
		}
		return b
	}
}

// Runs is how many executions a target has.
func Runs(t testing.TB) int {
	t.Helper()
	text := os.Getenv(RunsVariable)
	if text == "" {
		return Share
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("%s: %v", RunsVariable, err)
	}
	return n
}

// Try calls try with the seeds and with Runs inputs made of them. An input that
// fails or panics is printed.
func Try(t *testing.T, try func(t *testing.T, input string), seeds ...string) {
	t.Helper()
	var input string
	defer func() {
		if bad := recover(); bad != nil {
			t.Errorf("panic at input %q", input)
			panic(bad)
		}
	}()
	run := func(text string) {
		input = text
		if try(t, text); t.Failed() {
			t.Fatalf("input %q", text)
		}
	}
	for _, text := range seeds {
		run(text)
	}
	s, n := New(1, seeds...), Runs(t)
	for range n {
		run(s.Next())
	}
	t.Logf("%d executions", n+len(seeds))
}
