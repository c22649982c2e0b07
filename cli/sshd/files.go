package sshd

import (
	"context"
	"io"

	"trunkline/cli/files"
	"trunkline/cli/remote"
	"trunkline/cli/scp"
	"trunkline/cli/sftpd"
)

// fileServer serves the file systems to a client on a channel and reports whether
// everything was copied.
type fileServer struct {
	by    string // its word in the accounting log
	serve func(ctx context.Context, v *files.View, in io.Reader, out io.Writer, stop func() error) (ok bool, err error)
}

// sftpServer is the subsystem.
var sftpServer = &fileServer{"sftp", func(ctx context.Context, v *files.View, in io.Reader, out io.Writer, stop func() error) (bool, error) {
	err := sftpd.Serve(ctx, v, in, out, stop)
	return err == nil, err
}}

// scpServer is what a command line of an scp client runs; nil for any other.
func scpServer(line string) *fileServer {
	cmd, ok := scp.ParseCommand(line)
	if !ok {
		return nil
	}
	return &fileServer{"scp", func(ctx context.Context, v *files.View, in io.Reader, out io.Writer, stop func() error) (bool, error) {
		defer context.AfterFunc(ctx, func() { _ = stop() })()
		return scp.Serve(v, cmd, in, out)
	}}
}

// serveFiles runs a program that copies files.
func (s *session) serveFiles(ctx context.Context, p program, _ remote.Hello, _ Settings, out *output) (ok bool, err error) {
	who, err := s.whoNow()
	if err != nil {
		return false, err
	}
	// They divide as terminals do.
	if !s.copies.Take(terminals(s.limits.Copies), who.User, administrator(s.who)) {
		_, _ = io.WriteString(s.channel.Stderr(), "Maximum number of file transfers reached.\n") // to who still reads
		return false, nil
	}
	defer s.copies.Give(who.User, administrator(s.who))
	who.From = who.Address + "@" + p.files.by
	v := s.cfg.Sessions.CLI.Files(who, p.files.by)
	if v == nil {
		return false, nil
	}
	return p.files.serve(ctx, v, s.channel, out, s.channel.Close)
}
