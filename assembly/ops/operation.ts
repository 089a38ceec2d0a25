import {
  ACTIVATION,
  ActivationOperation,
  AFFINE,
  AffineOperation,
  CONSTANT,
  CONVOLUTION,
  ConstantOperation,
  ConvolutionOperation,
  DENSE,
  DenseOperation,
  EMBEDDING,
  EmbeddingOperation,
  EXTREMUM,
  ExtremumOperation,
  FIXED,
  FixedOperation,
  FORK,
  ForkOperation,
  Graph,
  MAP,
  MATMUL,
  MapOperation,
  MatmulOperation,
  NORM,
  NormOperation,
  operationAt,
  PRODUCT,
  ProductOperation,
  SELECTION,
  SelectionOperation,
  SOFTMAX,
  SoftmaxOperation,
} from "../memory/graph";
import { GaussNewton, keptBy, ParameterGradient, valueRows, Workspace } from "../memory/workspace";
import {
  backwardActivation,
  forwardActivation,
  jacobianActivation,
  tangentActivation,
  tangentBackwardActivation,
} from "./activation";
import {
  addAffineGradient,
  addMixedAffineGradient,
  backwardAffine,
  forwardAffine,
  jacobianAffine,
  packAffine,
  tangentAffine,
  tangentBackwardAffine,
} from "./affine";
import {
  backwardConvolution,
  forwardConvolution,
  jacobianConvolution,
  tangentBackwardConvolution,
  tangentConvolution,
} from "./convolution";
import { packConvolution } from "./convolution-panels";
import { addConvolutionGradient, addMixedConvolutionGradient } from "./convolution-parameters";
import {
  backwardDense,
  forwardDense,
  jacobianDense,
  packDense,
  tangentBackwardDense,
  tangentDense,
} from "./dense";
import { addDenseGradient, addMixedDenseGradient } from "./dense-parameters";
import {
  backwardExtremum,
  forwardExtremum,
  jacobianExtremum,
  tangentBackwardExtremum,
  tangentExtremum,
} from "./extremum";
import { backwardFork, forwardFork, jacobianFork, tangentBackwardFork, tangentFork } from "./fork";
import { backwardMap, forwardMap, jacobianMap, tangentBackwardMap, tangentMap } from "./map";
import {
  backwardMatmul,
  forwardMatmul,
  jacobianMatmul,
  tangentBackwardMatmul,
  tangentMatmul,
} from "./matmul";
import {
  addMixedNormGradient,
  addNormGradient,
  backwardNorm,
  forwardNorm,
  jacobianNorm,
  packNorm,
  tangentBackwardNorm,
  tangentNorm,
} from "./norm";
import {
  backwardProduct,
  forwardProduct,
  jacobianProduct,
  tangentBackwardProduct,
  tangentProduct,
} from "./product-of-values";
import {
  backwardSelection,
  forwardSelection,
  jacobianSelection,
  tangentBackwardSelection,
  tangentSelection,
} from "./selection";
import {
  backwardSoftmax,
  forwardSoftmax,
  jacobianSoftmax,
  tangentBackwardSoftmax,
  tangentSoftmax,
} from "./softmax";
import {
  addConstantGradient,
  addEmbeddingGradient,
  forwardConstant,
  forwardEmbedding,
  forwardFixed,
  jacobianSource,
  packConstant,
  packEmbedding,
  tangentSource,
} from "./sources";

// Each pass of each kind of operation, for the first `count` rows of workspace.rows. A kind that a function does not
// know ends the program: nothing is computed silently wrong.

/** values of the output = f(values of the inputs) */
export function forward(graph: Graph, workspace: Workspace, index: i32, count: i32): void {
  const operation = operationAt(graph, index);
  switch (operation.kind) {
    case DENSE:
      forwardDense(changetype<DenseOperation>(operation), workspace, count);
      break;
    case ACTIVATION:
      forwardActivation(
        changetype<ActivationOperation>(operation),
        keptBy(workspace, index),
        workspace,
        count,
      );
      break;
    case CONVOLUTION:
      forwardConvolution(changetype<ConvolutionOperation>(operation), graph, workspace, count);
      break;
    case FORK:
      forwardFork(changetype<ForkOperation>(operation), workspace, count);
      break;
    case MAP:
      forwardMap(changetype<MapOperation>(operation), workspace, count);
      break;
    case PRODUCT:
      forwardProduct(changetype<ProductOperation>(operation), workspace, count);
      break;
    case EXTREMUM:
      forwardExtremum(changetype<ExtremumOperation>(operation), workspace, count);
      break;
    case SELECTION:
      forwardSelection(changetype<SelectionOperation>(operation), workspace, count);
      break;
    case NORM:
      forwardNorm(changetype<NormOperation>(operation), keptBy(workspace, index), workspace, count);
      break;
    case AFFINE:
      forwardAffine(changetype<AffineOperation>(operation), workspace, count);
      break;
    case SOFTMAX:
      forwardSoftmax(changetype<SoftmaxOperation>(operation), keptBy(workspace, index), workspace, count);
      break;
    case MATMUL:
      forwardMatmul(changetype<MatmulOperation>(operation), workspace, count);
      break;
    case CONSTANT:
      forwardConstant(changetype<ConstantOperation>(operation), workspace, count);
      break;
    case EMBEDDING:
      forwardEmbedding(changetype<EmbeddingOperation>(operation), workspace, count);
      break;
    case FIXED:
      forwardFixed(changetype<FixedOperation>(operation), workspace, count);
      break;
    default:
      unreachable();
  }
}

/** gradients of the inputs = f'ᵀ · gradients of the output */
export function backward(graph: Graph, workspace: Workspace, index: i32, count: i32): void {
  const operation = operationAt(graph, index);
  switch (operation.kind) {
    case DENSE:
      backwardDense(changetype<DenseOperation>(operation), graph, workspace, count);
      break;
    case ACTIVATION:
      backwardActivation(
        changetype<ActivationOperation>(operation),
        keptBy(workspace, index),
        workspace,
        count,
      );
      break;
    case CONVOLUTION:
      backwardConvolution(changetype<ConvolutionOperation>(operation), graph, workspace, count);
      break;
    case FORK:
      backwardFork(changetype<ForkOperation>(operation), workspace, count);
      break;
    case MAP:
      backwardMap(changetype<MapOperation>(operation), workspace, count);
      break;
    case PRODUCT:
      backwardProduct(changetype<ProductOperation>(operation), workspace, count);
      break;
    case EXTREMUM:
      backwardExtremum(changetype<ExtremumOperation>(operation), workspace, count);
      break;
    case SELECTION:
      backwardSelection(changetype<SelectionOperation>(operation), workspace, count);
      break;
    case NORM:
      backwardNorm(changetype<NormOperation>(operation), keptBy(workspace, index), workspace, count);
      break;
    case AFFINE:
      backwardAffine(changetype<AffineOperation>(operation), workspace, count);
      break;
    case SOFTMAX:
      backwardSoftmax(changetype<SoftmaxOperation>(operation), keptBy(workspace, index), workspace, count);
      break;
    case MATMUL:
      backwardMatmul(changetype<MatmulOperation>(operation), workspace, count);
      break;
    case CONSTANT:
    case EMBEDDING:
    case FIXED:
      break;
    default:
      unreachable();
  }
}

/** tangents of the output = f' · tangents of the inputs */
export function tangent(graph: Graph, workspace: Workspace, index: i32, count: i32): void {
  const operation = operationAt(graph, index);
  switch (operation.kind) {
    case DENSE:
      tangentDense(changetype<DenseOperation>(operation), graph, workspace, count);
      break;
    case ACTIVATION:
      tangentActivation(
        changetype<ActivationOperation>(operation),
        keptBy(workspace, index),
        workspace,
        count,
      );
      break;
    case CONVOLUTION:
      tangentConvolution(changetype<ConvolutionOperation>(operation), graph, workspace, count);
      break;
    case FORK:
      tangentFork(changetype<ForkOperation>(operation), workspace, count);
      break;
    case MAP:
      tangentMap(changetype<MapOperation>(operation), workspace, count);
      break;
    case PRODUCT:
      tangentProduct(changetype<ProductOperation>(operation), workspace, count);
      break;
    case EXTREMUM:
      tangentExtremum(changetype<ExtremumOperation>(operation), workspace, count);
      break;
    case SELECTION:
      tangentSelection(changetype<SelectionOperation>(operation), workspace, count);
      break;
    case NORM:
      tangentNorm(changetype<NormOperation>(operation), keptBy(workspace, index), workspace, count);
      break;
    case AFFINE:
      tangentAffine(changetype<AffineOperation>(operation), workspace, count);
      break;
    case SOFTMAX:
      tangentSoftmax(changetype<SoftmaxOperation>(operation), keptBy(workspace, index), workspace, count);
      break;
    case MATMUL:
      tangentMatmul(changetype<MatmulOperation>(operation), workspace, count);
      break;
    case CONSTANT:
    case EMBEDDING:
    case FIXED:
      tangentSource(operation, workspace, count);
      break;
    default:
      unreachable();
  }
}

/** gradientTangents of the inputs = f'ᵀ · gradientTangents of the output + the change of f' · gradients of the output */
export function tangentBackward(graph: Graph, workspace: Workspace, index: i32, count: i32): void {
  const operation = operationAt(graph, index);
  switch (operation.kind) {
    case DENSE:
      tangentBackwardDense(changetype<DenseOperation>(operation), graph, workspace, count);
      break;
    case ACTIVATION:
      tangentBackwardActivation(
        changetype<ActivationOperation>(operation),
        keptBy(workspace, index),
        workspace,
        count,
      );
      break;
    case CONVOLUTION:
      tangentBackwardConvolution(changetype<ConvolutionOperation>(operation), graph, workspace, count);
      break;
    case FORK:
      tangentBackwardFork(changetype<ForkOperation>(operation), workspace, count);
      break;
    case MAP:
      tangentBackwardMap(changetype<MapOperation>(operation), workspace, count);
      break;
    case PRODUCT:
      tangentBackwardProduct(changetype<ProductOperation>(operation), workspace, count);
      break;
    case EXTREMUM:
      tangentBackwardExtremum(changetype<ExtremumOperation>(operation), workspace, count);
      break;
    case SELECTION:
      tangentBackwardSelection(changetype<SelectionOperation>(operation), workspace, count);
      break;
    case NORM:
      tangentBackwardNorm(changetype<NormOperation>(operation), keptBy(workspace, index), workspace, count);
      break;
    case AFFINE:
      tangentBackwardAffine(changetype<AffineOperation>(operation), workspace, count);
      break;
    case SOFTMAX:
      tangentBackwardSoftmax(
        changetype<SoftmaxOperation>(operation),
        keptBy(workspace, index),
        workspace,
        count,
      );
      break;
    case MATMUL:
      tangentBackwardMatmul(changetype<MatmulOperation>(operation), workspace, count);
      break;
    case CONSTANT:
    case EMBEDDING:
    case FIXED:
      break;
    default:
      unreachable();
  }
}

/** Tangents at the point of one row: `count` rows of them, from the slots of the inputs to that of the output. */
export function jacobian(
  graph: Graph,
  workspace: Workspace,
  work: GaussNewton,
  index: i32,
  row: usize,
  count: i32,
): void {
  const operation = operationAt(graph, index);
  switch (operation.kind) {
    case DENSE:
      jacobianDense(changetype<DenseOperation>(operation), graph, work, count);
      break;
    case ACTIVATION:
      jacobianActivation(
        changetype<ActivationOperation>(operation),
        keptBy(workspace, index),
        graph,
        workspace,
        work,
        row,
        count,
      );
      break;
    case CONVOLUTION:
      jacobianConvolution(changetype<ConvolutionOperation>(operation), graph, work, count);
      break;
    case FORK:
      jacobianFork(changetype<ForkOperation>(operation), graph, work, count);
      break;
    case MAP:
      jacobianMap(changetype<MapOperation>(operation), graph, work, count);
      break;
    case PRODUCT:
      jacobianProduct(changetype<ProductOperation>(operation), graph, workspace, work, row, count);
      break;
    case EXTREMUM:
      jacobianExtremum(changetype<ExtremumOperation>(operation), graph, workspace, work, row, count);
      break;
    case SELECTION:
      jacobianSelection(changetype<SelectionOperation>(operation), graph, workspace, work, row, count);
      break;
    case NORM:
      jacobianNorm(
        changetype<NormOperation>(operation),
        keptBy(workspace, index),
        graph,
        workspace,
        work,
        row,
        count,
      );
      break;
    case AFFINE:
      jacobianAffine(changetype<AffineOperation>(operation), graph, work, count);
      break;
    case SOFTMAX:
      jacobianSoftmax(
        changetype<SoftmaxOperation>(operation),
        keptBy(workspace, index),
        graph,
        workspace,
        work,
        row,
        count,
      );
      break;
    case MATMUL:
      jacobianMatmul(changetype<MatmulOperation>(operation), graph, workspace, work, row, count);
      break;
    case CONSTANT:
    case EMBEDDING:
    case FIXED:
      jacobianSource(operation, graph, workspace, work, count);
      break;
    default:
      unreachable();
  }
}

/** Adds the gradients for the operation's parameters, row by row in their order. */
export function addGradient(
  graph: Graph,
  workspace: Workspace,
  sums: ParameterGradient,
  index: i32,
  count: i32,
): void {
  const operation = operationAt(graph, index);
  switch (operation.kind) {
    case DENSE:
      addDenseGradient(changetype<DenseOperation>(operation), workspace, sums, index, count);
      break;
    case CONVOLUTION:
      addConvolutionGradient(
        changetype<ConvolutionOperation>(operation),
        graph,
        workspace,
        sums,
        index,
        count,
      );
      break;
    case NORM:
      addNormGradient(
        changetype<NormOperation>(operation),
        keptBy(workspace, index),
        workspace,
        sums,
        index,
        count,
      );
      break;
    case AFFINE:
      addAffineGradient(changetype<AffineOperation>(operation), workspace, sums, index, count);
      break;
    case CONSTANT:
      addConstantGradient(
        changetype<ConstantOperation>(operation),
        workspace,
        sums,
        index,
        valueRows(workspace, operation.output).gradients,
        count,
      );
      break;
    case EMBEDDING:
      addEmbeddingGradient(
        changetype<EmbeddingOperation>(operation),
        workspace,
        sums,
        index,
        valueRows(workspace, operation.output).gradients,
        count,
      );
      break;
    case ACTIVATION:
    case FORK:
    case MAP:
    case PRODUCT:
    case EXTREMUM:
    case SELECTION:
    case SOFTMAX:
    case MATMUL:
    case FIXED:
      break;
    default:
      unreachable();
  }
}

/** Adds the derivative of `addGradient` in the tangent's direction. */
export function addMixedGradient(
  graph: Graph,
  workspace: Workspace,
  sums: ParameterGradient,
  index: i32,
  count: i32,
): void {
  const operation = operationAt(graph, index);
  switch (operation.kind) {
    case DENSE:
      addMixedDenseGradient(changetype<DenseOperation>(operation), workspace, sums, index, count);
      break;
    case CONVOLUTION:
      addMixedConvolutionGradient(
        changetype<ConvolutionOperation>(operation),
        graph,
        workspace,
        sums,
        index,
        count,
      );
      break;
    case NORM:
      addMixedNormGradient(
        changetype<NormOperation>(operation),
        keptBy(workspace, index),
        workspace,
        sums,
        index,
        count,
      );
      break;
    case AFFINE:
      addMixedAffineGradient(changetype<AffineOperation>(operation), workspace, sums, index, count);
      break;
    case CONSTANT:
      addConstantGradient(
        changetype<ConstantOperation>(operation),
        workspace,
        sums,
        index,
        valueRows(workspace, operation.output).gradientTangents,
        count,
      );
      break;
    case EMBEDDING:
      addEmbeddingGradient(
        changetype<EmbeddingOperation>(operation),
        workspace,
        sums,
        index,
        valueRows(workspace, operation.output).gradientTangents,
        count,
      );
      break;
    case ACTIVATION:
    case FORK:
    case MAP:
    case PRODUCT:
    case EXTREMUM:
    case SELECTION:
    case SOFTMAX:
    case MATMUL:
    case FIXED:
      break;
    default:
      unreachable();
  }
}

/**
 * Packs the operation's parameters, which lie at `parameters`; returns where the next operation's lie.
 *
 * @param rowAlignment each row of a parameter takes a multiple of so many floats
 */
export function pack(graph: Graph, index: i32, parameters: usize, rowAlignment: i32): usize {
  const operation = operationAt(graph, index);
  switch (operation.kind) {
    case DENSE:
      return packDense(changetype<DenseOperation>(operation), parameters, rowAlignment);
    case CONVOLUTION:
      return packConvolution(changetype<ConvolutionOperation>(operation), parameters, rowAlignment);
    case NORM:
      return packNorm(changetype<NormOperation>(operation), parameters, rowAlignment);
    case AFFINE:
      return packAffine(changetype<AffineOperation>(operation), parameters, rowAlignment);
    case CONSTANT:
      return packConstant(changetype<ConstantOperation>(operation), parameters, rowAlignment);
    case EMBEDDING:
      return packEmbedding(changetype<EmbeddingOperation>(operation), parameters, rowAlignment);
    case ACTIVATION:
    case FORK:
    case MAP:
    case PRODUCT:
    case EXTREMUM:
    case SELECTION:
    case SOFTMAX:
    case MATMUL:
    case FIXED:
      return parameters;
    default:
      unreachable();
      return 0;
  }
}
