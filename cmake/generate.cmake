# generate.cmake - manual pages and shell completions, written by the command itself.
#   cmake -DCOMMAND=.../backprop -DOUT=folder -P generate.cmake

# Runs the command and writes what it says to a file.
function(generate file)
  execute_process(COMMAND ${COMMAND} ${ARGN} OUTPUT_VARIABLE text RESULT_VARIABLE result)
  if(NOT result EQUAL 0 OR text STREQUAL "")
    list(JOIN ARGN " " arguments)
    message(FATAL_ERROR "backprop ${arguments} ended with ${result}")
  endif()
  file(WRITE ${OUT}/${file} "${text}")
endfunction()

file(REMOVE_RECURSE ${OUT})
foreach(shell bash zsh fish)
  generate(completions/backprop.${shell} help --completions ${shell})
endforeach()

# The commands are those that the help lists.
execute_process(COMMAND ${COMMAND} help OUTPUT_VARIABLE help)
string(REGEX REPLACE ".*\nCommands\n(.*)\n\nStart here.*" "\\1" list "${help}")
string(REGEX MATCHALL "(^|\n)  [a-z]+" commands "${list}")
list(TRANSFORM commands STRIP)
list(LENGTH commands count)
if(count LESS 7)
  message(FATAL_ERROR "no list of commands found in what backprop help says")
endif()
generate(man1/backprop.1 help --man)
foreach(command ${commands})
  generate(man1/backprop-${command}.1 help --man ${command})
endforeach()
file(WRITE ${OUT}/stamp "")
