#!/bin/sh
# demo.sh - what backprop does, in half a minute: trains a network on handwritten digits, measures it, draws what it
# predicts, and checks its gradients.
#   sh examples/demo.sh PATH/TO/backprop [DATA]      DATA: digits, which are generated, or for example mnist
set -eu

backprop=${1:?usage: demo.sh PATH/TO/backprop [DATA]}
data=${2:-digits}
folder=${backprop%/bin/backprop}
[ "$folder" != "$backprop" ] || folder=.
model=$folder/$data.safetensors

bold= dim= off=
if [ -t 1 ] && [ -z "${NO_COLOR:-}" ] && [ "${TERM:-dumb}" != dumb ]; then
    bold=$(printf '\033[1m') dim=$(printf '\033[2m') off=$(printf '\033[0m')
fi

# Talk and results go to one place here, so that they come in order when this is piped.
exec 2>&1

step() # step TITLE ARGUMENTS OF BACKPROP ...
{
    printf '\n%s%s%s\n%s$ backprop' "$bold" "$1" "$off" "$dim"
    shift
    printf ' %s' "$@"
    printf '%s\n\n' "$off"
    "$backprop" "$@"
}

if [ "$data" = digits ]; then
    cat <<TEXT
The digits of this demo are generated: a program draws them with the strokes
of a pen. They need no download, but they are not handwriting. With the real
digits of MNIST, 11.6 MB:

  $backprop fetch mnist
  make demo DATA=mnist
TEXT
fi

step "1. Train a network" train "$data" --out "$model"
step "2. Look at what it predicts, and how sure it is" predict "$model" "$data" --draw --rows 0-3
if [ "$data" = digits ]; then
    step "3. Measure it on 10,000 new digits, drawn from another seed" \
        eval "$model" "$data" --seed 2
else
    step "3. Measure it, class by class" eval "$model" "$data"
fi
step "4. Check its gradients against numerical differentiation" \
    check "$model" "$data" --rows 4

cat <<TEXT

${bold}What to try next${off}
  See every quantity of back-propagation for one image:
      $backprop inspect $model --trace $data --row 0
  Train a network of your own, and compare:
      $backprop train $data --net "dense 512 relu, dropout 0.2, dense 512 relu"
  $([ "$data" = digits ] && echo "Get the real digits of MNIST, and see what changes:" || echo "Clothes instead of digits:")
      $([ "$data" = digits ] && echo "$backprop fetch mnist && make demo DATA=mnist" ||
    echo "$backprop fetch fashion-mnist && make demo DATA=fashion-mnist")
TEXT
