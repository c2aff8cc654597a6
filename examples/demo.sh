#!/bin/sh
# demo.sh - the whole job in a minute: train, measure, look, check.
#   sh examples/demo.sh BUILD [DATA]
set -eu

build=$1 data=${2:-digits}
backprop=$build/bin/backprop
model=$build/demo/$data.safetensors
mkdir -p "$build/demo"

bold='' plain=''
if [ -t 1 ] && [ -z "${NO_COLOR:-}" ] && [ "${TERM:-dumb}" != dumb ]; then
    bold=$(printf '\033[1m') plain=$(printf '\033[0m')
fi

# Prints a heading, then the command as it could be typed, then runs it.
show() # show HEADING COMMAND...
{
    printf '\n%s== %s%s\n' "$bold" "$1" "$plain"
    shift
    printf '%s$ %s%s\n\n' "$bold" "$*" "$plain"
    "$@"
}

if [ "$data" = digits ]; then
    echo "The digits of this demo are generated: drawn from strokes, in the format of MNIST. They are not the real MNIST;"
    echo "\"backprop fetch mnist\" gets that, and \"make demo DATA=mnist\" then uses it."
fi
show "Train a network on images of handwritten digits" "$backprop" train "$data" --out "$model"
show "Measure the saved model" "$backprop" eval "$model" "$data"
show "Look at some test images, and at what the model says" "$build/bin/example_look" "$model" "$data"
show "Check its gradients against numerical differentiation" "$backprop" check "$model" "$data" --rows 4

cat <<END

${bold}== What to try next${plain}
  $backprop train $data --net "dense 512 relu, dropout 0.2, dense 512 relu" --epochs 20
      a larger network
  $backprop inspect $model --trace $data --row 7
      back-propagation at work on one image: z, a, delta, dC/db and dC/dw of every layer
  $backprop train spirals --net "dense 16 tanh, dense 16 tanh" --out spirals.safetensors
      a problem in the plane, in a tenth of a second
END
