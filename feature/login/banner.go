package login

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"trunkline/config/schema"
)

// Limits of a banner (cli.md §9.1).
const (
	maxBannerLines = 40
	maxBannerLine  = 255 // bytes
)

// banner is the type of a text between two delimiters, of which the first is
// whatever character comes first: "#Keep out.#". The text may go over several
// lines.
var banner = schema.Type[string]{
	Name: "banner",
	Syntax: schema.Syntax{
		Notation: "LINE",
		Help: fmt.Sprintf("c banner-text c, where 'c' is a delimiting character (Max Lines %d, Max Size of a line %d)",
			maxBannerLines, maxBannerLine),
		Rest:    true,
		Samples: []string{"#Keep out.#", "#two\n  lines; and | signs#", "^a # in it\n\n! no comment\n# neither\n^", "#\n#"},
	},
	Parse: parseBanner,
	Format: func(s string) string {
		d := delimiter(s)
		return d + s + d
	},
	Yang: fmt.Sprintf("string { length \"1..%d\"; }", maxBannerLines*(maxBannerLine+1)),
}

func parseBanner(s string) (string, error) {
	_, n := utf8.DecodeRuneInString(s)
	if n == 0 {
		return "", schema.ErrInvalid
	}
	d, s := s[:n], s[n:]
	text, after, ended := strings.Cut(s, d)
	lines := strings.Split(text, "\n")
	if len(lines) > maxBannerLines {
		return "", schema.ErrTooLong(maxBannerLines * maxBannerLine)
	}
	for _, l := range lines {
		if len(l) > maxBannerLine {
			return "", schema.ErrTooLong(maxBannerLine)
		}
	}
	for _, r := range d + text {
		if r < ' ' && r != '\n' || r == 0x7f || r == utf8.RuneError {
			return "", schema.ErrInvalid
		}
	}
	switch {
	case !ended:
		return "", &schema.Unfinished{Prompt: fmt.Sprintf("Enter TEXT message.  End with the character '%s'.", d)}
	case text == "" || after != "":
		return "", schema.ErrInvalid
	}
	return text, nil
}

// delimiter is a character that is not in a text.
func delimiter(text string) string {
	for _, r := range "#^%@~$&*+=/:" {
		if !strings.ContainsRune(text, r) {
			return string(r)
		}
	}
	r := '¡' // the first printable one beyond ASCII; a text has fewer characters than there are
	for strings.ContainsRune(text, r) {
		r++
	}
	return string(r)
}
