package term

import (
	"errors"
	"io"
	"regexp"
	"strings"
	"unicode/utf8"
)

// pager prints output and stops with --More-- where a page is full.
type pager struct {
	out   io.Writer
	keys  *keyboard
	width func() int

	lines  int            // of a page, 0: no paging
	room   int            // lines left on this page
	column int            // of the cursor
	search *regexp.Regexp // skip to the line that matches
	held   []byte         // of the line being searched
}

// errQuit says that the operator has seen enough.
var errQuit = errors.New("quit")

func (p *pager) reset(lines int) {
	p.lines, p.room, p.column, p.search, p.held = lines, lines-1, 0, nil, nil
}

const more = "--More--"

const pagerHelp = "  space  next page\n  Enter  next line\n  q      quit\n  /RE    search forward\n  h      this help\n"

// maxHeld bounds a line that is searched.
const maxHeld = 64 << 10

func (p *pager) write(b []byte) error {
	if p.lines <= 0 {
		_, err := p.out.Write(b)
		return err
	}
	for len(b) > 0 {
		if p.search != nil {
			b = p.skip(b)
			continue
		}
		if p.room <= 0 {
			if err := p.stop(); err != nil {
				return err
			}
			continue
		}
		// As much as fits: whole lines, counted as rows of the screen.
		n := 0
		for n < len(b) && p.room > 0 {
			r, size := utf8.DecodeRune(b[n:])
			n += size
			switch p.column++; {
			case r == '\n':
				p.room--
				p.column = 0
			case p.column > p.width():
				p.room--
				p.column = 1
			}
		}
		if _, err := p.out.Write(b[:n]); err != nil {
			return err
		}
		b = b[n:]
	}
	return nil
}

// skip drops lines until one matches, and returns that line with what follows.
func (p *pager) skip(b []byte) []byte {
	for i, c := range b {
		if c != '\n' {
			if len(p.held) < maxHeld {
				p.held = append(p.held, c)
			}
			continue
		}
		line := p.held
		p.held = nil
		if p.search.Match(line) {
			p.search = nil
			return append(append(line, '\n'), b[i+1:]...)
		}
	}
	return nil
}

// stop shows the prompt and waits for a key.
func (p *pager) stop() error {
	show := func(s string) { io.WriteString(p.out, s) }
	erase := func(s string) { show("\r" + strings.Repeat(" ", len(s)) + "\r") }
	for {
		show(more)
		key, ok := p.keys.key()
		erase(more)
		if !ok {
			return errQuit
		}
		switch key {
		case ' ':
			p.room = p.lines - 1
			return nil
		case '\r', '\n':
			p.room = 1
			return nil
		case 'q', 'Q', ctrlC:
			return errQuit
		case 'h', '?':
			show(pagerHelp)
		case '/':
			re, ok := p.pattern(show, erase)
			if !ok {
				return errQuit
			}
			if re != nil {
				show("...skipping\n")
				p.search, p.room = re, p.lines-2
				return nil
			}
		}
	}
}

// pattern reads a regular expression; nil if there is none.
func (p *pager) pattern(show, erase func(string)) (*regexp.Regexp, bool) {
	text := "/"
	show(text)
	for {
		key, ok := p.keys.key()
		if !ok {
			return nil, false
		}
		switch {
		case key == '\r' || key == '\n':
			erase(text)
			re, err := regexp.CompilePOSIX(text[1:])
			if err != nil || text == "/" {
				return nil, true
			}
			return re, true
		case key == ctrlC:
			erase(text)
			return nil, true
		case key == 0x7f || key == 0x08:
			erase(text)
			if len(text) > 1 {
				text = text[:len(text)-1]
			}
			show(text)
		case key >= ' ' && len(text) < 256:
			text += string(rune(key))
			show(string(rune(key)))
		}
	}
}
