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
import { GaussNewton, GRADIENTS, keptBy, VALUES, Workspace } from "../memory/workspace";
import {
  backwardActivation,
  forwardActivation,
  jacobianActivation,
  tangentActivation,
  tangentBackwardActivation,
} from "./activation";
import { backwardAffine, forwardAffine, jacobianAffine } from "./affine";
import { backwardConvolution, forwardConvolution, jacobianConvolution } from "./convolution";
import { backwardDense, forwardDense, jacobianDense } from "./dense";
import { backwardExtremum, forwardExtremum, jacobianExtremum, tangentExtremum } from "./extremum";
import { backwardFork, forwardFork, jacobianFork } from "./fork";
import { backwardMap, forwardMap, jacobianMap } from "./map";
import { backwardMatmul, forwardMatmul, jacobianMatmul } from "./matmul";
import { backwardNorm, forwardNorm, jacobianNorm, tangentBackwardNorm, tangentNorm } from "./norm";
import { backwardProduct, forwardProduct, jacobianProduct } from "./product-of-values";
import { backwardSelection, forwardSelection, jacobianSelection } from "./selection";
import {
  backwardSoftmax,
  forwardSoftmax,
  jacobianSoftmax,
  tangentBackwardSoftmax,
  tangentSoftmax,
} from "./softmax";
import { forwardConstant, forwardEmbedding, forwardFixed, jacobianSource, tangentSource } from "./sources";

// Each pass of each kind of operation, for the first `count` rows of workspace.rows. A kind without a case traps
// (`unreachable`), so that no result is silently wrong.

/**
 * Computes an operation's output values from its input values for `count` rows; if `field` is TANGENTS, the output's tangents:
 * the operation's Jacobian times the inputs' tangents.
 */
export function forward(graph: Graph, workspace: Workspace, index: i32, count: i32, field: usize): void {
  const operation = operationAt(graph, index);
  const kept = keptBy(workspace, index);
  switch (operation.kind) {
    case DENSE:
      forwardDense(changetype<DenseOperation>(operation), graph, workspace, count, field);
      break;
    case CONVOLUTION:
      forwardConvolution(changetype<ConvolutionOperation>(operation), workspace, count, field);
      break;
    case FORK:
      forwardFork(changetype<ForkOperation>(operation), workspace, count, field);
      break;
    case MAP:
      forwardMap(changetype<MapOperation>(operation), workspace, count, field);
      break;
    case AFFINE:
      forwardAffine(changetype<AffineOperation>(operation), workspace, count, field);
      break;
    case SELECTION:
      forwardSelection(changetype<SelectionOperation>(operation), workspace, count, field);
      break;
    case ACTIVATION: {
      const activation = changetype<ActivationOperation>(operation);
      if (field === VALUES) forwardActivation(activation, kept, workspace, count);
      else tangentActivation(activation, kept, workspace, count);
      break;
    }
    case PRODUCT:
      forwardProduct(changetype<ProductOperation>(operation), workspace, count, field);
      break;
    case EXTREMUM: {
      const extremum = changetype<ExtremumOperation>(operation);
      if (field === VALUES) forwardExtremum(extremum, workspace, count);
      else tangentExtremum(extremum, workspace, count);
      break;
    }
    case NORM: {
      const norm = changetype<NormOperation>(operation);
      if (field === VALUES) forwardNorm(norm, kept, workspace, count);
      else tangentNorm(norm, kept, workspace, count);
      break;
    }
    case SOFTMAX: {
      const softmax = changetype<SoftmaxOperation>(operation);
      if (field === VALUES) forwardSoftmax(softmax, kept, workspace, count);
      else tangentSoftmax(softmax, kept, workspace, count);
      break;
    }
    case MATMUL:
      forwardMatmul(changetype<MatmulOperation>(operation), workspace, count, field);
      break;
    case CONSTANT:
      if (field === VALUES) forwardConstant(changetype<ConstantOperation>(operation), workspace, count);
      else tangentSource(operation, workspace, count);
      break;
    case EMBEDDING:
      if (field === VALUES) forwardEmbedding(changetype<EmbeddingOperation>(operation), workspace, count);
      else tangentSource(operation, workspace, count);
      break;
    case FIXED:
      if (field === VALUES) forwardFixed(changetype<FixedOperation>(operation), workspace, count);
      else tangentSource(operation, workspace, count);
      break;
    default:
      unreachable();
  }
}

/**
 * Computes an operation's input gradients for `count` rows: its transposed Jacobian times the output gradients. If `field` is
 * GRADIENT_TANGENTS, computes the tangents of the input gradients, which include the tangent of the transposed Jacobian times
 * the output gradients.
 */
export function backward(graph: Graph, workspace: Workspace, index: i32, count: i32, field: usize): void {
  const operation = operationAt(graph, index);
  const kept = keptBy(workspace, index);
  switch (operation.kind) {
    case DENSE:
      backwardDense(changetype<DenseOperation>(operation), graph, workspace, count, field);
      break;
    case CONVOLUTION:
      backwardConvolution(changetype<ConvolutionOperation>(operation), workspace, count, field);
      break;
    case FORK:
      backwardFork(changetype<ForkOperation>(operation), workspace, count, field);
      break;
    case MAP:
      backwardMap(changetype<MapOperation>(operation), workspace, count, field);
      break;
    case AFFINE:
      backwardAffine(changetype<AffineOperation>(operation), workspace, count, field);
      break;
    case SELECTION:
      backwardSelection(changetype<SelectionOperation>(operation), workspace, count, field);
      break;
    case EXTREMUM:
      backwardExtremum(changetype<ExtremumOperation>(operation), workspace, count, field);
      break;
    case ACTIVATION: {
      const activation = changetype<ActivationOperation>(operation);
      if (field === GRADIENTS) backwardActivation(activation, kept, workspace, count);
      else tangentBackwardActivation(activation, kept, workspace, count);
      break;
    }
    case PRODUCT:
      backwardProduct(changetype<ProductOperation>(operation), workspace, count, field);
      break;
    case NORM: {
      const norm = changetype<NormOperation>(operation);
      if (field === GRADIENTS) backwardNorm(norm, kept, workspace, count);
      else tangentBackwardNorm(norm, kept, workspace, count);
      break;
    }
    case SOFTMAX: {
      const softmax = changetype<SoftmaxOperation>(operation);
      if (field === GRADIENTS) backwardSoftmax(softmax, kept, workspace, count);
      else tangentBackwardSoftmax(softmax, kept, workspace, count);
      break;
    }
    case MATMUL:
      backwardMatmul(changetype<MatmulOperation>(operation), workspace, count, field);
      break;
    case CONSTANT:
    case EMBEDDING:
    case FIXED:
      break;
    default:
      unreachable();
  }
}

/**
 * Propagates `count` tangents, rows of the decoder's transposed Jacobian Jᵀ, through operation `index` at the point of row
 * `row`: from its inputs' rows of work.tangents to its output's.
 */
export function jacobian(
  graph: Graph,
  workspace: Workspace,
  work: GaussNewton,
  index: i32,
  row: usize,
  count: i32,
): void {
  const operation = operationAt(graph, index);
  const kept = keptBy(workspace, index);
  switch (operation.kind) {
    case DENSE:
      jacobianDense(changetype<DenseOperation>(operation), graph, work, count);
      break;
    case ACTIVATION:
      jacobianActivation(
        changetype<ActivationOperation>(operation),
        kept,
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
      jacobianNorm(changetype<NormOperation>(operation), kept, graph, workspace, work, row, count);
      break;
    case AFFINE:
      jacobianAffine(changetype<AffineOperation>(operation), graph, work, count);
      break;
    case SOFTMAX:
      jacobianSoftmax(changetype<SoftmaxOperation>(operation), kept, graph, workspace, work, row, count);
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
