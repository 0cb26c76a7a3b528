package registry

// A Manifest lists what an image consists of.
type Manifest struct {
	Config Blob
	Layers []Blob
}

// A Blob is content that a registry keeps by its digest.
type Blob struct {
	Digest string
	Size   int
}

// An Index lists the manifests of one image for several platforms.
type Index struct {
	Manifests []struct {
		Digest   string
		Platform struct{ OS, Architecture string }
	}
}
