package scp

import (
	"errors"
	"io"
	"path"
	"strings"

	"trunkline/cli/files"
	"trunkline/feature"
	"trunkline/internal/flash"
)

// Serve is the switch's end of a command, on a client's stream. It reports whether
// all files were copied; an error is that of the stream or the protocol.
func Serve(v *files.View, cmd Command, in io.Reader, out io.Writer) (ok bool, err error) {
	s := server{Conn: NewConn(in, out), view: v, cmd: cmd, ok: true}
	if cmd.To {
		err = s.sink()
	} else {
		err = s.source()
	}
	return s.ok && err == nil, err
}

type server struct {
	*Conn
	view *files.View
	cmd  Command
	ok   bool // nothing has been refused
}

// refuse tells the client why a file is not copied.
func (s *server) refuse(err error) error {
	s.ok = false
	return s.Refuse(text(err))
}

// text is an operator's message without what marks it as an error at a prompt.
func text(err error) string {
	text := err.Error()
	for _, mark := range []string{"ERROR: ", "% ", "scp: "} {
		text = strings.TrimPrefix(text, mark)
	}
	return text
}

// sink takes what the client sends.
func (s *server) sink() error {
	target := s.cmd.Paths[0]
	if s.cmd.Directory && !s.view.IsDir(target) {
		return s.refuse(flash.Error("Not a directory: " + target))
	}
	if err := s.OK(); err != nil {
		return err
	}
	dirs := []string{target} // those that the client is in; the first may be the file's own name
	for {
		r, err := s.Next()
		if said := Refused(""); errors.As(err, &said) {
			s.ok = false
			continue
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return errors.Join(err, s.Refuse(text(err)))
		}
		switch r.Kind {
		case Times:
			err = s.OK()
		case End:
			if len(dirs) == 1 {
				return errors.Join(errRecord, s.Refuse("protocol error"))
			}
			dirs = dirs[:len(dirs)-1]
			err = s.OK()
		case Dir:
			at := s.at(dirs, r.Name)
			if err := s.enter(at, len(dirs)); err != nil {
				return s.refuse(err) // what follows was meant for the directory
			}
			dirs = append(dirs, at)
			err = s.OK()
		case File:
			err = s.take(s.at(dirs, r.Name), r)
		}
		if err != nil {
			return err
		}
	}
}

// at is where something of a name goes.
func (s *server) at(dirs []string, name string) string {
	dir := dirs[len(dirs)-1]
	switch {
	case len(dirs) == 1 && !s.view.IsDir(dir):
		return dir
	case strings.HasSuffix(dir, ":"):
		return dir + name
	}
	return strings.TrimSuffix(dir, "/") + "/" + name
}

func (s *server) enter(dir string, depth int) error {
	switch {
	case !s.cmd.Recursive:
		return flash.Error("Is a directory: " + dir)
	case depth > maxDepth:
		return flash.Error("Directory is too deep: " + dir)
	case s.view.IsDir(dir):
		return nil
	}
	return s.view.MakeDir(dir)
}

// take takes one file.
func (s *server) take(at string, r Record) error {
	u, err := s.view.Create(at, files.How{Size: r.Size})
	if err != nil {
		return s.refuse(err) // the client does not send it
	}
	defer u.Abort()
	if err := s.OK(); err != nil {
		return err
	}
	refused, err := s.Receive(r, u)
	if err != nil {
		return err
	}
	if refused == nil {
		refused = u.Commit()
	}
	if refused != nil {
		return s.refuse(refused)
	}
	return s.OK()
}

// source gives what the client asks for.
func (s *server) source() error {
	if err := s.Answer(); err != nil {
		return err
	}
	for _, p := range s.cmd.Paths {
		if err := s.give(p, asked(p), 0); err != nil {
			return err
		}
	}
	return nil
}

// asked is the name that a client takes for a path it has asked for: the last part
// as it was typed, or the switch could have it write something else.
func asked(p string) string {
	if name := path.Base(p); validName(name) {
		return name
	}
	return dirName(p)
}

// give sends a file, or a directory with what is in it, under a name.
func (s *server) give(p, as string, depth int) error {
	if s.view.IsDir(p) {
		return s.giveDir(p, as, depth)
	}
	f, e, err := s.view.Open(p)
	if err != nil {
		return s.refuse(err)
	}
	defer f.Close() //nolint:errcheck // opened for reading
	return s.answered(s.Send(as, e.Size, f))
}

func (s *server) giveDir(p, as string, depth int) error {
	switch {
	case !s.cmd.Recursive:
		return s.refuse(flash.Error("Is a directory: " + p))
	case depth >= maxDepth:
		return s.refuse(flash.Error("Directory is too deep: " + p))
	case !s.view.Role.ReadsSecrets():
		return s.refuse(feature.ErrPermission)
	}
	name, err := files.Name(p)
	if err != nil {
		return s.refuse(err)
	}
	list, err := s.view.List(p)
	if err != nil {
		return s.refuse(err)
	}
	if err := s.Announce(Record{Kind: Dir, Name: as}); err != nil {
		return s.answered(err)
	}
	for _, e := range list {
		below := strings.TrimSuffix(name, "/") + "/" + e.Name
		if err := s.give(below, e.Name, depth+1); err != nil {
			return err
		}
	}
	return s.answered(s.Announce(Record{Kind: End}))
}

// dirName is the name that a file system has at the client where it was not named:
// without its colon.
func dirName(p string) string {
	system := flash.Boot
	if name, err := files.Name(p); err == nil && strings.HasPrefix(name, flash.Volatile) {
		system = flash.Volatile
	}
	return strings.TrimSuffix(system, ":")
}

// answered goes on where the client refused one file.
func (s *server) answered(err error) error {
	if said := Refused(""); errors.As(err, &said) {
		s.ok = false
		return nil
	}
	return err
}
