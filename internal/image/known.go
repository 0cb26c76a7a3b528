package image

// A KnownDifference is one between what people learnt and what they get today, which the course knows of.
type KnownDifference struct {
	Of            string // the image or the program that has changed
	What          string
	Module, Claim string // the test that shows it, or does not mind it
}

// KnownDifferences are those that a comparison of runs explains, so that nobody looks for them again.
var KnownDifferences = []KnownDifference{
	{"docker/whalesay", "its manifest has the format of 2015, schema 1, which engines pulled until 25 and refuse from 26 on",
		"module03", "TestTheOriginalWhalesayIsRefusedByEnginesOfToday"},
	{"postgres", "from 18 on its volume is /var/lib/postgresql, and no longer /var/lib/postgresql/data; the lessons ask the image " +
		"where its data is", "module04", "TestPostgresRowsOutliveTheContainerOnAVolume"},
	{"air", "the program moved from github.com/cosmtrek/air to github.com/air-verse/air, and Go refuses to get the latest version by the old name",
		"module11", "TestAirIsNoLongerFoundUnderItsOldName"},
}
