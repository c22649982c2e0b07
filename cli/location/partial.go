package location

import "strings"

// Partial reads the beginning of a URL of scp or sftp, without a file and perhaps
// without a host: "scp:", "sftp://there", "scp://bob@there/". The rest is to be
// asked for.
func Partial(text string) (URL, bool) {
	scheme, rest, ok := strings.Cut(text, ":")
	u := URL{Scheme: strings.ToLower(scheme)}
	if !ok || !u.SSH() {
		return URL{}, false
	}
	u.Port = ports[u.Scheme]
	if rest == "" || rest == "//" {
		return u, true
	}
	// Some file makes it a whole one.
	whole, err := Parse(strings.TrimSuffix(text, "/") + "/x")
	if err != nil || whole.Path != "/x" || whole.Query != "" {
		return URL{}, false
	}
	whole.Path = ""
	return whole, true
}

// Completed is a partial URL with a host, where it has none, and the path of a file:
// from the root if it begins with "/", else from the user's home. No path means the
// user's home.
func (u URL) Completed(host, path string) (URL, error) {
	if u.Host == "" {
		u.Host = host
	}
	if u.Path = path; !strings.HasPrefix(path, "/") {
		u.Path = "/~/" + path
	}
	return Parse(u.String())
}
