# Writes OUTPUT, a source file that holds SCRIPT and its SHA-1: cmake -DSCRIPT=window.lua -DOUTPUT=file -P this.
file(READ ${SCRIPT} lua)
string(SHA1 digest "${lua}")
file(WRITE ${OUTPUT}.new
  "#include \"limits/window_script.h\"\n\nnamespace weir::limits {\n\n"
  "std::string_view window_script() { return R\"lua(${lua})lua\"; }\n"
  "std::string_view window_script_digest() { return \"${digest}\"; }\n\n}  // namespace weir::limits\n")
file(COPY_FILE ${OUTPUT}.new ${OUTPUT} ONLY_IF_DIFFERENT)
file(REMOVE ${OUTPUT}.new)
