// Package archive packs files of the switch's file systems and unpacks them: gzip
// (RFC 1952) and tar (POSIX.1-2001), as the commands of the same names do (cli.md
// §6).
//
// What is unpacked goes through internal/flash: it has the quota of the file
// system as its bound, however small the archive is, and a name in an archive that
// leads out of the directory is an error. Of tar only files and directories are
// taken; links, devices and the rest are an error too, before anything else of
// the archive is taken in. A file that is replaced is replaced whole or not at all.
package archive

import (
	"bufio"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"strings"

	"trunkline/internal/flash"
)

// Suffixes of files that are packed.
const (
	GzipSuffix = ".gz"
	TarSuffix  = ".tar"
)

// Gzip packs a file; the packed one takes its place with ".gz" behind its name.
func Gzip(ctx context.Context, s *flash.Store, name string) error {
	if strings.HasSuffix(name, GzipSuffix) {
		return flash.Error("File already has the suffix .gz: " + name)
	}
	err := convert(ctx, s, name, name+GzipSuffix, func(w io.Writer, r io.Reader, e flash.Entry) error {
		z := gzip.NewWriter(w)
		z.Name, z.ModTime = e.Name, e.Changed
		_, err := io.Copy(z, r)
		return errors.Join(err, z.Close())
	})
	if err != nil {
		return err
	}
	return s.Remove(name)
}

// Gunzip unpacks a file whose name ends in ".gz" and removes the packed one.
func Gunzip(ctx context.Context, s *flash.Store, name string) error {
	to, ok := strings.CutSuffix(name, GzipSuffix)
	if !ok {
		return flash.Error("File has no suffix .gz: " + name)
	}
	err := convert(ctx, s, name, to, func(w io.Writer, r io.Reader, _ flash.Entry) error {
		z, err := gzip.NewReader(bufio.NewReader(r))
		if err != nil {
			return damaged(name)
		}
		_, err = io.Copy(w, z)
		return unpacked(name, err)
	})
	if err != nil {
		return err
	}
	return s.Remove(name)
}

// convert makes a new file of another.
func convert(ctx context.Context, s *flash.Store, from, to string, do func(w io.Writer, r io.Reader, e flash.Entry) error) error {
	f, e, err := s.Open(from)
	if err != nil {
		return err
	}
	defer f.Close() //nolint:errcheck // opened for reading
	if _, err := s.Stat(to); err == nil {
		return flash.Error("File exists: " + to)
	}
	w, err := s.Writer(to, false)
	if err != nil {
		return err
	}
	defer w.Abort()
	if err := do(w, reader{ctx, f}, e); err != nil {
		return err
	}
	return w.Commit()
}

// reader is a reader that ends with a context.
type reader struct {
	ctx context.Context
	r   io.Reader
}

// Read implements io.Reader.
func (r reader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.r.Read(p)
}

// damaged is what an operator reads of an archive that is none.
func damaged(name string) error { return flash.Error("File is damaged or no archive: " + name) }

// unpacked is the error of unpacking an archive: the file system's, the context's,
// or else that the archive is damaged.
func unpacked(name string, err error) error {
	var said flash.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &said), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	}
	return damaged(name)
}
