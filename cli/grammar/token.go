package grammar

import (
	"strings"
	"unicode/utf8"
)

// token is one word of a line.
type token struct {
	text   string // without quotes
	quoted bool
	at     int // byte offset of the word, or of its opening quote, on the line
	end    int // of what follows the word
}

// tokens splits a line at blanks; double quotes at the start of a word group
// up to the closing quote. A missing closing quote is taken as given at the
// end.
func tokens(line string) []token {
	var all []token
	for i := 0; i < len(line); {
		if blank(line[i]) {
			i++
			continue
		}
		t := token{at: i}
		if line[i] == '"' {
			t.quoted = true
			i++
			if end := strings.IndexByte(line[i:], '"'); end >= 0 {
				t.text = line[i : i+end]
				i += end + 1
			} else {
				t.text = line[i:]
				i = len(line)
			}
		} else {
			for i < len(line) && !blank(line[i]) {
				i++
			}
			t.text = line[t.at:i]
		}
		t.end = i
		all = append(all, t)
	}
	return all
}

func blank(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

// Comment reports whether a line is empty or a comment (cli.md §3.1).
func Comment(line string) bool {
	line = strings.TrimSpace(line)
	return line == "" || line[0] == '!' || line[0] == '#'
}

// Chain splits a line at separators that stand between blanks and outside
// quotes: " ; " or " | ". The parts keep their blanks; offsets are where they
// begin on the line.
func Chain(line string, separator byte) (parts []string, offsets []int) {
	begin := 0
	for i, quoted := 0, false; i < len(line); i++ {
		switch {
		case line[i] == '"' && (quoted || i == 0 || blank(line[i-1])):
			quoted = !quoted
		case !quoted && line[i] == separator && (i == 0 || blank(line[i-1])) && (i+1 == len(line) || blank(line[i+1])):
			parts, offsets = append(parts, line[begin:i]), append(offsets, begin)
			begin = i + 1
		}
	}
	return append(parts, line[begin:]), append(offsets, begin)
}

// column turns a byte offset into a column in characters.
func column(line string, at int) int {
	if at > len(line) {
		return utf8.RuneCountInString(line) + at - len(line)
	}
	return utf8.RuneCountInString(line[:at])
}

// common is the number of leading bytes in which word and keyword agree,
// letter case aside; keywords are ASCII.
func common(word, keyword string) int {
	n := 0
	for n < len(word) && n < len(keyword) && lower(word[n]) == lower(keyword[n]) {
		n++
	}
	return n
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}
