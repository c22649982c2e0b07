// Package sftpd is the switch's end of SFTP, version 3 (the subsystem sftp of
// SSH), over files.View. It is the only package that uses the server of pkg/sftp.
//
// A file that is written has its name once the client has closed it; one that the
// connection leaves open is given up, so that half a file never replaces a whole
// one. File systems here keep neither owners nor permissions, and the time of a
// file is that of its last change: what a client sets of them is taken and has no
// effect, as on any such file system. Links there are none.
package sftpd

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"sync"

	"github.com/pkg/sftp"

	"trunkline/cli/files"
	"trunkline/feature"
	"trunkline/internal/flash"
)

// maxOpen is how many files and directories a client may have open, and maxTexts
// how many of them may be configurations, which are held in memory.
const (
	maxOpen  = 64
	maxTexts = 2
)

// Serve serves a client on a stream until it leaves or ctx is done. Stop ends the
// stream: when ctx is done, or when the client does not keep to the protocol.
func Serve(ctx context.Context, v *files.View, in io.Reader, out io.Writer, stop func() error) error {
	h := &handlers{view: v, uploads: map[string][]*upload{}}
	g := newGate(in, out)
	halt := func() error {
		g.close()
		return stop()
	}
	s := sftp.NewRequestServer(stream{g, g, halt}, sftp.Handlers{FileGet: h, FilePut: h, FileCmd: h, FileList: h})
	defer h.abort()
	defer context.AfterFunc(ctx, func() { _ = halt() })()
	if err := s.Serve(); err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, errClosed) {
		return err
	}
	return nil
}

// stream is a client's stream as the library wants it.
type stream struct {
	io.Reader
	io.Writer
	stop func() error
}

// Close implements io.Closer.
func (s stream) Close() error { return s.stop() }

// handlers answer the requests of one client. The library calls them from several
// goroutines.
type handlers struct {
	view *files.View

	mu      sync.Mutex
	open    int
	texts   int                  // open configurations
	uploads map[string][]*upload // by path
}

// errMany is the answer to one open file too many.
var errMany = errors.New("too many open files")

// take counts a file in; give counts it out.
func (h *handlers) take() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.open >= maxOpen {
		return errMany
	}
	h.open++
	return nil
}

func (h *handlers) give() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.open--
}

// coded gives an error the code that the protocol has for it.
func coded(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, fs.ErrNotExist):
		return sftp.ErrSSHFxNoSuchFile
	case errors.Is(err, fs.ErrPermission), errors.Is(err, feature.ErrPermission), errors.Is(err, feature.ErrNotAuthorized):
		return sftp.ErrSSHFxPermissionDenied
	}
	return err
}

// Fileread implements sftp.FileReader.
func (h *handlers) Fileread(r *sftp.Request) (io.ReaderAt, error) {
	if err := h.take(); err != nil {
		return nil, err
	}
	give := h.give
	if files.IsConfig(r.Filepath) {
		if !h.takeText() {
			h.give()
			return nil, errMany
		}
		give = h.giveText
	}
	f, _, err := h.view.Open(r.Filepath)
	if err != nil {
		give()
		return nil, coded(err)
	}
	return &download{File: f, give: give}, nil
}

// takeText counts a configuration in; giveText counts it out, and as a file.
func (h *handlers) takeText() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.texts >= maxTexts {
		return false
	}
	h.texts++
	return true
}

func (h *handlers) giveText() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.texts--
	h.open--
}

// download is a file being read.
type download struct {
	flash.File
	give func()
	once sync.Once
}

// Close implements io.Closer.
func (d *download) Close() error {
	d.once.Do(d.give)
	return d.File.Close()
}

// Filewrite implements sftp.FileWriter. A file that is opened for reading as well
// can be written only.
func (h *handlers) Filewrite(r *sftp.Request) (io.WriterAt, error) {
	flags := r.Pflags()
	e, err := h.view.Stat(r.Filepath)
	if err != nil && !flags.Creat {
		return nil, coded(err)
	}
	if err := h.take(); err != nil {
		return nil, err
	}
	u, err := h.view.Create(r.Filepath, files.How{New: flags.Excl, Keep: !flags.Trunc})
	if err != nil {
		h.give()
		return nil, coded(err)
	}
	w := &upload{Upload: u, h: h, path: r.Filepath}
	if flags.Append {
		w.begin = e.Size
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.uploads[w.path] = append(h.uploads[w.path], w)
	return w, nil
}

// upload is a file being written.
type upload struct {
	*files.Upload
	h     *handlers
	path  string
	begin int64 // of what may be written: the end of a file that is appended to
}

// WriteAt implements io.WriterAt.
func (u *upload) WriteAt(p []byte, offset int64) (int, error) {
	if offset < u.begin {
		return 0, sftp.ErrSSHFxOpUnsupported
	}
	return u.Upload.WriteAt(p, offset)
}

// Close implements io.Closer: the client has written everything.
func (u *upload) Close() error {
	u.h.forget(u)
	return coded(u.Commit())
}

// TransferError implements sftp.TransferError: the connection is gone.
func (u *upload) TransferError(error) { u.Abort() }

func (h *handlers) forget(u *upload) {
	h.mu.Lock()
	defer h.mu.Unlock()
	all := h.uploads[u.path]
	for i, other := range all {
		if other == u {
			h.open--
			if all = append(all[:i:i], all[i+1:]...); len(all) == 0 {
				delete(h.uploads, u.path)
			} else {
				h.uploads[u.path] = all
			}
			return
		}
	}
}

// abort gives up what is still open.
func (h *handlers) abort() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, all := range h.uploads {
		for _, u := range all {
			u.Abort()
		}
	}
}

// Filecmd implements sftp.FileCmder.
func (h *handlers) Filecmd(r *sftp.Request) error {
	switch r.Method {
	case "Setstat":
		return h.setstat(r)
	case "Rename":
		return coded(h.view.Rename(r.Filepath, r.Target, false))
	case "Remove":
		return coded(h.view.Remove(r.Filepath))
	case "Rmdir":
		return coded(h.view.RemoveDir(r.Filepath))
	case "Mkdir":
		return coded(h.view.MakeDir(r.Filepath))
	}
	return sftp.ErrSSHFxOpUnsupported
}

// PosixRename implements sftp.PosixRenameFileCmder: what has the name is replaced.
func (h *handlers) PosixRename(r *sftp.Request) error {
	return coded(h.view.Rename(r.Filepath, r.Target, true))
}

// setstat sets the size of a file that is being written, which is what clients do
// to one that they write over; see the package comment for the rest.
func (h *handlers) setstat(r *sftp.Request) error {
	if err := h.view.May("copy "+h.view.By+": "+r.Filepath, true); err != nil {
		return coded(err)
	}
	if !r.AttrFlags().Size {
		return nil
	}
	h.mu.Lock()
	all := h.uploads[r.Filepath]
	h.mu.Unlock()
	if len(all) == 0 {
		return sftp.ErrSSHFxOpUnsupported
	}
	attributes := r.Attributes()
	if attributes == nil { // the client has flagged what it then did not send
		return sftp.ErrSSHFxBadMessage
	}
	if attributes.Size > 1<<62 {
		return sftp.ErrSSHFxOpUnsupported
	}
	return coded(all[len(all)-1].Truncate(int64(attributes.Size)))
}

// StatVFS implements sftp.StatVFSFileCmder: the space of a file system.
func (h *handlers) StatVFS(r *sftp.Request) (*sftp.StatVFS, error) {
	u, err := h.view.Usage(r.Filepath)
	if err != nil {
		return nil, coded(err)
	}
	const block = 1024
	return &sftp.StatVFS{
		Bsize: block, Frsize: block, Blocks: uint64(u.Total) / block, Bfree: uint64(u.Free) / block, Bavail: uint64(u.Free) / block, Namemax: 100,
	}, nil
}

// Filelist implements sftp.FileLister.
func (h *handlers) Filelist(r *sftp.Request) (sftp.ListerAt, error) {
	switch r.Method {
	case "Stat":
		e, err := h.view.Stat(r.Filepath)
		if err != nil {
			return nil, coded(err)
		}
		return list{info{path.Base(r.Filepath), e}}, nil
	case "List":
		found, err := h.view.List(r.Filepath)
		if err != nil {
			return nil, coded(err)
		}
		if err := h.take(); err != nil {
			return nil, err
		}
		l := &directory{give: h.give}
		for _, e := range found {
			l.list = append(l.list, info{e.Name, e})
		}
		return l, nil
	}
	return nil, sftp.ErrSSHFxOpUnsupported
}

// RealPath implements sftp.RealPathFileLister.
func (h *handlers) RealPath(p string) (string, error) {
	name, err := files.Name(p)
	if err != nil {
		return "", coded(err)
	}
	return files.Path(name), nil
}

// list is entries as the library asks for them.
type list []os.FileInfo

// ListAt implements sftp.ListerAt.
func (l list) ListAt(to []os.FileInfo, from int64) (int, error) {
	if from >= int64(len(l)) {
		return 0, io.EOF
	}
	n := copy(to, l[from:])
	if n < len(to) {
		return n, io.EOF
	}
	return n, nil
}

// directory is an open directory.
type directory struct {
	list
	give func()
	once sync.Once
}

// Close implements io.Closer.
func (d *directory) Close() error {
	d.once.Do(d.give)
	return nil
}
