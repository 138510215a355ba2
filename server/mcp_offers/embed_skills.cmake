# Writes OUTPUT, a source file that holds every file below SKILLS: cmake -DSKILLS=dir -DOUTPUT=file -P this.
file(GLOB_RECURSE files RELATIVE ${SKILLS} ${SKILLS}/*.md)
list(SORT files)
set(entries "")
foreach(file IN LISTS files)
  file(READ ${SKILLS}/${file} text)
  string(APPEND entries "    {\"${file}\", R\"skill(${text})skill\"},\n")
endforeach()
file(WRITE ${OUTPUT}.new
  "#include \"server/mcp_offers/product_skills.h\"\n\nnamespace weir::mcp_offers {\n\n"
  "std::vector<mcp::SkillFile> embedded_skill_files() {\n  return {\n${entries}  };\n}\n\n}  // namespace weir::mcp_offers\n")
file(COPY_FILE ${OUTPUT}.new ${OUTPUT} ONLY_IF_DIFFERENT)
file(REMOVE ${OUTPUT}.new)
