"""In which order the rows of an audit table are read so that a change that is committed late is not missed."""
