-- Whose object is this? Now of single files, too, of all versions that were ever taken apart; former_content was only of what is unpublished.
alter table former_content rename to package_content;
