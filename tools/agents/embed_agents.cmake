# Writes OUTPUT, a source file that holds every file AGENTS/*.json: cmake -DAGENTS=dir -DOUTPUT=file -P this.
file(GLOB files RELATIVE ${AGENTS} ${AGENTS}/*.json)
list(SORT files)
set(entries "")
foreach(file IN LISTS files)
  file(READ ${AGENTS}/${file} text)
  string(APPEND entries "    {\"${file}\", R\"agent(${text})agent\"},\n")
endforeach()
file(WRITE ${OUTPUT}.new
  "#include \"tools/agents/shipped_agents.h\"\n\nnamespace weir::tools::agents {\n\n"
  "std::vector<ShippedFile> embedded_agent_files() {\n  return {\n${entries}  };\n}\n\n}  // namespace weir::tools::agents\n")
file(COPY_FILE ${OUTPUT}.new ${OUTPUT} ONLY_IF_DIFFERENT)
file(REMOVE ${OUTPUT}.new)
