package forwardauth

// Describe exposes the reading of a question.
var Describe = describe
