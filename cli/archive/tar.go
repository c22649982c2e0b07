package archive

import (
	"archive/tar"
	"bufio"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"path/filepath"
	"strings"

	"trunkline/internal/flash"
)

// Tar is the archives of file systems.
type Tar struct {
	Store *flash.Store
	// Told is called with the name of each file that is packed or unpacked; nil
	// for never.
	Told func(name string) error
}

// maxMembers is how many files and directories an archive has.
const maxMembers = 4096

// maxDepth is how deep directories are packed.
const maxDepth = 8

var errMembers = flash.Error(fmt.Sprintf("Maximum number of files in an archive (%d) reached.", maxMembers))

// Create makes an archive, packed by gzip or not, of files and directories by their
// full names. It replaces a file of its name.
func (t Tar) Create(ctx context.Context, archive string, packed bool, names []string) error {
	return t.write(ctx, archive, packed, func(p *packer) error { return p.names(names) })
}

// Append adds files and directories to an archive.
func (t Tar) Append(ctx context.Context, archive string, names []string) error {
	old, err := t.open(ctx, archive)
	if err != nil {
		return err
	}
	defer old.Close() //nolint:errcheck // opened for reading
	return t.write(ctx, archive, old.packed, func(p *packer) error {
		err := old.members(func(h *tar.Header, body io.Reader) error { return p.member(h, body) })
		if err != nil {
			return err
		}
		return p.names(names)
	})
}

// write writes an archive, which has its name once it is whole.
func (t Tar) write(ctx context.Context, archive string, packed bool, fill func(*packer) error) error {
	w, err := t.Store.Writer(archive, false)
	if err != nil {
		return err
	}
	defer w.Abort()
	var out io.Writer = w
	var z *gzip.Writer
	if packed {
		z = gzip.NewWriter(w)
		out = z
	}
	p := &packer{Tar: t, ctx: ctx, archive: archive, w: tar.NewWriter(out)}
	if err := fill(p); err != nil {
		return err
	}
	if err := p.w.Close(); err != nil {
		return err
	}
	if z != nil {
		if err := z.Close(); err != nil {
			return err
		}
	}
	return w.Commit()
}

// packer writes an archive.
type packer struct {
	Tar
	ctx     context.Context
	archive string // its full name: it is no member of itself
	w       *tar.Writer
	count   int
}

func (p *packer) member(h *tar.Header, body io.Reader) error {
	if p.count++; p.count > maxMembers {
		return errMembers
	}
	if err := p.w.WriteHeader(h); err != nil {
		return err
	}
	_, err := io.Copy(p.w, reader{p.ctx, body})
	return err
}

func (p *packer) names(all []string) error {
	for _, name := range all {
		n, err := flash.Parse(name)
		if err != nil {
			return err
		}
		if err := p.pack(n, 0); err != nil {
			return err
		}
	}
	return nil
}

// pack adds a file, or a directory with what is in it.
func (p *packer) pack(n flash.Name, depth int) error {
	e, err := p.Store.Stat(n.String())
	switch {
	case err != nil:
		return err
	case n.String() == p.archive:
		return nil
	case e.Dir:
		return p.packDir(n, e, depth)
	}
	f, e, err := p.Store.Open(n.String())
	if err != nil {
		return err
	}
	defer f.Close() //nolint:errcheck // opened for reading
	h := &tar.Header{Typeflag: tar.TypeReg, Name: n.Path, Size: e.Size, Mode: 0o600, ModTime: e.Changed}
	// A file that grows meanwhile is taken as it was.
	if err := p.member(h, io.LimitReader(f, e.Size)); err != nil {
		return err
	}
	return p.told(n.Path)
}

func (p *packer) packDir(n flash.Name, e flash.Entry, depth int) error {
	if depth > maxDepth {
		return flash.Error("Directory is too deep: " + n.String())
	}
	if n.Path != "" {
		h := &tar.Header{Typeflag: tar.TypeDir, Name: n.Path + "/", Mode: 0o700, ModTime: e.Changed}
		if err := p.member(h, strings.NewReader("")); err != nil {
			return err
		}
		if err := p.told(n.Path + "/"); err != nil {
			return err
		}
	}
	list, err := p.Store.List(n.String())
	if err != nil {
		return err
	}
	for _, e := range list {
		if err := p.pack(flash.Name{System: n.System, Path: path.Join(n.Path, e.Name)}, depth+1); err != nil {
			return err
		}
	}
	return nil
}

func (t Tar) told(name string) error {
	if t.Told == nil {
		return nil
	}
	return t.Told(name)
}

// opened is an archive that is read.
type opened struct {
	flash.File
	name   string
	packed bool
	r      *tar.Reader
}

// open opens an archive; what is in it says whether it is packed by gzip.
func (t Tar) open(ctx context.Context, archive string) (*opened, error) {
	f, _, err := t.Store.Open(archive)
	if err != nil {
		return nil, err
	}
	o := &opened{File: f, name: archive}
	in := bufio.NewReader(reader{ctx, f})
	var plain io.Reader = in
	if magic, err := in.Peek(2); err == nil && magic[0] == 0x1f && magic[1] == 0x8b {
		o.packed = true
		if plain, err = gzip.NewReader(in); err != nil {
			return nil, errors.Join(damaged(archive), f.Close())
		}
	}
	o.r = tar.NewReader(plain)
	return o, nil
}

// members yields what is in the archive, from its begin.
func (o *opened) members(each func(h *tar.Header, body io.Reader) error) error {
	for count := 0; ; count++ {
		h, err := o.r.Next()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return unpacked(o.name, err)
		case count == maxMembers:
			return errMembers
		}
		if err := o.allowed(h); err != nil {
			return err
		}
		if err := each(h, body{o.name, o.r}); err != nil {
			return err
		}
	}
}

// body is a member's contents.
type body struct {
	archive string
	r       io.Reader
}

// Read implements io.Reader.
func (b body) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = unpacked(b.archive, err)
	}
	return n, err
}

// allowed refuses a member that is no file or directory below the one that it is
// unpacked in.
func (o *opened) allowed(h *tar.Header) error {
	switch {
	case h.Typeflag != tar.TypeReg && h.Typeflag != tar.TypeDir:
		return flash.Error(fmt.Sprintf("%s is neither a file nor a directory in %s", quoted(h.Name), o.name))
	case !filepath.IsLocal(h.Name) || strings.Contains(h.Name, ":"):
		return flash.Error(fmt.Sprintf("%s leads out of the directory in %s", quoted(h.Name), o.name))
	}
	return nil
}

// quoted is a name that somebody else chose, as it can be printed.
func quoted(name string) string { return fmt.Sprintf("%.100q", name) }

// Extract unpacks an archive into a directory; with keep, files that are there
// stay as they are. Nothing is unpacked of an archive that has anything else than
// files and directories below it.
func (t Tar) Extract(ctx context.Context, archive, dir string, keep bool) error {
	if !t.Store.IsDir(dir) {
		return flash.Error("Not a directory: " + dir)
	}
	look, err := t.open(ctx, archive)
	if err != nil {
		return err
	}
	err = look.members(func(h *tar.Header, _ io.Reader) error {
		_, err := t.target(dir, h)
		return err
	})
	if err := errors.Join(err, look.Close()); err != nil {
		return err
	}
	o, err := t.open(ctx, archive)
	if err != nil {
		return err
	}
	defer o.Close() //nolint:errcheck // opened for reading
	return o.members(func(h *tar.Header, body io.Reader) error { return t.extract(dir, h, body, keep) })
}

func (t Tar) target(dir string, h *tar.Header) (flash.Name, error) {
	at, err := flash.Parse(dir)
	if err != nil {
		return at, err
	}
	return flash.Resolve(at, strings.TrimSuffix(h.Name, "/"))
}

func (t Tar) extract(dir string, h *tar.Header, body io.Reader, keep bool) error {
	n, err := t.target(dir, h)
	if err != nil {
		return err
	}
	if h.Typeflag == tar.TypeDir {
		return t.makeDirs(n)
	}
	up := path.Dir(n.Path)
	if err := t.makeDirs(flash.Name{System: n.System, Path: strings.TrimPrefix(up, ".")}); err != nil {
		return err
	}
	if _, err := t.Store.Stat(n.String()); err == nil && keep {
		return nil
	}
	w, err := t.Store.Writer(n.String(), false)
	if err != nil {
		return err
	}
	defer w.Abort()
	if _, err := io.Copy(w, body); err != nil {
		return err
	}
	if err := w.Commit(); err != nil {
		return err
	}
	return t.told(h.Name)
}

// makeDirs makes a directory and those above it.
func (t Tar) makeDirs(n flash.Name) error {
	if n.Path == "" || t.Store.IsDir(n.String()) {
		return nil
	}
	if up := path.Dir(n.Path); up != "." {
		if err := t.makeDirs(flash.Name{System: n.System, Path: up}); err != nil {
			return err
		}
	}
	return t.Store.MakeDir(n.String())
}

// List tells what is in an archive.
func (t Tar) List(ctx context.Context, archive string) error {
	o, err := t.open(ctx, archive)
	if err != nil {
		return err
	}
	defer o.Close() //nolint:errcheck // opened for reading
	return o.members(func(h *tar.Header, _ io.Reader) error { return t.told(h.Name) })
}
