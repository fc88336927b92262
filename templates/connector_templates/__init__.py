"""Every text that `connector new` stamps: cookiecutter projects as data, one folder each. No logic here."""
